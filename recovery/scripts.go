package recovery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// Scripts is Pgpool-II's online recovery: shell scripts in the primary's data
// directory, which functions of an extension run there. The names are files there.
type Scripts struct {
	Credentials cluster.Credentials // a superuser, where the functions are (recovery_user, recovery_database)
	FirstStage  string              // recovery_1st_stage_command; "" = no recovery by scripts
	SecondStage string              // recovery_2nd_stage_command; "" = one stage, and nobody is held up
	// IdleLimit ends sessions that keep a connection without using it while the second
	// stage waits: 0 never, < 0 at once (client_idle_limit_in_recovery).
	IdleLimit time.Duration
	Clients   Clients // required with SecondStage
}

// Names of the scripts that have to be there.
func (c Scripts) Names() []string {
	names := []string{host.RemoteStart}
	for _, script := range []string{c.FirstStage, c.SecondStage} {
		if script != "" {
			names = append(names, script)
		}
	}
	return names
}

// Clients holds up those who use the cluster; the server is one. Every Hold is
// followed by one Release.
type Clients interface {
	Hold() // new transactions wait
	Release()
	// Settled waits until no client has a connection to a node any more.
	Settled(ctx context.Context, idleLimit time.Duration) error
}

// byScripts takes the scripts for a node that pgherd itself cannot reach, if there are
// any and nothing else was asked for. A recovery that nobody has asked for is never one.
func (e *Engine) byScripts(node cluster.NodeID, how Options) Options {
	f := e.picture(node, how)
	if how.Procedure == Undecided && how.Limit == Undecided && e.cfg.Scripts.FirstStage != "" && !f.Node.Access.Machine() {
		how.Procedure = TwoStage
	}
	return how
}

// scripted is a recovery by scripts under way.
type scripted struct {
	repair
	Scripts
	conn      *pgx.Conn // on the primary; its lock says that the scripts run
	functions host.Functions
	held      bool
}

// runScripts is run for a recovery by scripts.
func (e *Engine) runScripts(ctx context.Context, j *job) error {
	s, err := e.prepareScripts(ctx, j)
	if err != nil {
		return err
	}
	defer closeSoon(ctx, s.conn.Close)
	j.enter(StepMark, "")
	if err := e.owner.BeginRecovery(ctx, s.node.ID); err != nil {
		return fmt.Errorf("recover node %d: %w", s.node.ID, err)
	}
	if err := s.run(ctx); err != nil {
		return e.giveUp(ctx, s.node.ID, err)
	}
	return nil
}

func (s *scripted) run(ctx context.Context) *StepError {
	s.phase = scriptsRan
	defer s.release()
	err := s.carryOut(ctx, stage{StepFirstStage, s.firstStage})
	if err == nil && s.SecondStage != "" {
		err = s.carryOut(ctx, stage{StepHold, s.hold}, stage{StepSecondStage, s.secondStage})
	}
	if err == nil {
		err = s.carryOut(ctx, stage{StepRemoteStart, s.start}, stage{StepStreaming, s.streaming},
			stage{StepCatchUp, s.catchUp}, stage{StepAttach, s.attach})
	}
	if err != nil {
		return err
	}
	s.release()
	s.job.enter(StepDone, fmt.Sprintf("node %d is attached", s.node.ID))
	return nil
}

func (s *scripted) firstStage(ctx context.Context) error { return s.stage(ctx, s.FirstStage) }

func (s *scripted) secondStage(ctx context.Context) error { return s.stage(ctx, s.SecondStage) }

// stage runs a script behind a checkpoint. It may take any time.
func (s *scripted) stage(ctx context.Context, script string) error {
	if _, err := s.conn.Exec(ctx, "CHECKPOINT"); err != nil {
		return fmt.Errorf("checkpoint on node %d: %w", s.source.ID, err)
	}
	return s.call(ctx, script, s.functions.Recovery, s.arguments(script)[:s.functions.Arguments])
}

// arguments are those of pgpool_recovery; older versions of it take fewer.
func (s *scripted) arguments(script string) []any {
	return []any{script, host.ScriptHost(s.node), s.node.DataDirectory, strconv.Itoa(s.source.Port), int32(s.node.ID),
		strconv.Itoa(s.node.Port), host.ScriptHost(s.source)}
}

func (s *scripted) call(ctx context.Context, script, function string, args []any) error {
	s.job.say(fmt.Sprintf("%s runs on node %d", script, s.source.ID))
	marks := make([]string, len(args))
	for i := range args {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	var ok bool
	err := s.conn.QueryRow(ctx, "SELECT "+function+"("+strings.Join(marks, ", ")+")", args...).Scan(&ok)
	if err == nil && !ok {
		err = errors.New(function + " returned false")
	}
	if err != nil {
		return fmt.Errorf("script %s failed on node %d: %s; what it printed is in the server log there", script, s.source.ID, inOneLine(err))
	}
	return nil
}

// inOneLine has the detail of a server's error too: it tells how the script ended.
func inOneLine(err error) string {
	var e *pgconn.PgError
	switch {
	case !errors.As(err, &e):
	case e.Detail != "":
		return e.Message + " (" + e.Detail + ")"
	default:
		return e.Message
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// hold has new transactions wait, and waits for those that run.
func (s *scripted) hold(ctx context.Context) error {
	s.Clients.Hold()
	s.held = true
	s.job.say("new transactions wait; waiting for those that run")
	ctx, cancel := context.WithTimeout(ctx, s.engine.cfg.Timeout)
	defer cancel()
	err := s.Clients.Settled(ctx, s.IdleLimit)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("clients still keep connections to the nodes after %s: end their transactions, or set client_idle_limit_in_recovery", s.engine.cfg.Timeout)
	}
	return err
}

func (s *scripted) release() {
	if s.held {
		s.held = false
		s.Clients.Release()
	}
}

// start runs pgpool_remote_start and waits until the node answers.
func (s *scripted) start(ctx context.Context) error {
	if err := s.call(ctx, host.RemoteStart, s.functions.Start, []any{host.ScriptHost(s.node), s.node.DataDirectory}); err != nil {
		return err
	}
	var last error
	waiting, cancel := context.WithTimeout(ctx, s.engine.cfg.Timeout)
	defer cancel()
	err := poll(waiting, func() (bool, error) {
		last = s.engine.with(waiting, s.node, func(*pgx.Conn) error { return nil })
		return last == nil, nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s has run, but the node does not answer after %s: %s", host.RemoteStart, s.engine.cfg.Timeout, inOneLine(last))
	}
	return err
}
