package recovery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// scriptFacts are what stands in the way of a recovery by scripts.
type scriptFacts struct {
	answers    bool // the node's server runs
	inRecovery bool // the primary is none
	busy       bool // scripts for the node run already
	functions  host.Functions
}

// prepareScripts looks, and touches nothing. Its connection is the caller's to close,
// unless there is an error.
func (e *Engine) prepareScripts(ctx context.Context, j *job) (*scripted, error) {
	j.enter(StepPreflight, "")
	f := e.picture(j.row.Node, j.how)
	if found := e.scriptsObstacles(f); len(found) > 0 {
		return nil, &RefusedError{j.row.Node, found}
	}
	s := &scripted{Scripts: e.cfg.Scripts, repair: repair{engine: e, job: j,
		prepared: prepared{node: f.Node.Node, source: f.Primary.Node, origin: f.Primary.Node, facts: f, procedure: TwoStage}}}
	if err := s.settle(ctx); err != nil {
		if s.conn != nil {
			closeSoon(ctx, s.conn.Close)
		}
		return nil, err
	}
	j.say(fmt.Sprintf("node %d will be recovered by the scripts of node %d", s.node.ID, s.source.ID))
	return s, nil
}

// settle takes over what a look has found.
func (s *scripted) settle(ctx context.Context) error {
	facts, err := s.look(ctx)
	if err != nil {
		return err
	}
	if found := facts.obstacles(s); len(found) > 0 {
		return &RefusedError{s.node.ID, found}
	}
	s.functions = facts.functions
	return s.engine.commit(s.job, s.prepared)
}

// scriptsObstacles are what can be seen without asking a node.
func (e *Engine) scriptsObstacles(f Facts) []Obstacle {
	if e.cfg.Scripts.FirstStage == "" {
		return one("recovery_1st_stage_command is not configured: there are no scripts to recover a node by",
			"set recovery.recovery_1st_stage_command, or recover the node without two_stage")
	}
	return pictureObstacles(f)
}

// look asks the node whether it answers, and the primary for the rest. On it goes the
// connection that the scripts are run by.
func (s *scripted) look(ctx context.Context) (f scriptFacts, err error) {
	f.answers = s.engine.answers(ctx, s.node)
	conninfo := s.source.OwnConninfo(s.Credentials).With("dbname", s.Credentials.Database).
		With("application_name", "pgherd recovery").With("connect_timeout", strconv.Itoa(int(connectTimeout.Seconds())))
	if s.conn, err = pgx.Connect(ctx, conninfo.String()); err == nil {
		err = f.ask(ctx, s.conn, s.node.ID, s.Names())
	}
	if err != nil {
		err = &lookError{s.node.ID, fmt.Errorf("node %d (%s): %w", s.source.ID, s.source.Address(), err)}
	}
	return f, err
}

// answers reports whether a server is there, even one that lets nobody in.
func (e *Engine) answers(ctx context.Context, n cluster.Node) bool {
	err := e.with(ctx, n, func(*pgx.Conn) error { return nil })
	var said *pgconn.PgError
	return err == nil || errors.As(err, &said)
}

// The lock is held until the server process ends: also by one that waits for a script
// after a crash of ours. A query that is cancelled has its script interrupted too, for
// PostgreSQL signals the whole process group.
const (
	scriptLock = 0x70676872 // "pghr"
	forNoTime  = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_session_timeout')"
	scriptWho  = "SELECT pg_is_in_recovery(), NOT pg_try_advisory_lock($1, $2)"
)

func (f *scriptFacts) ask(ctx context.Context, conn *pgx.Conn, node cluster.NodeID, scripts []string) error {
	if _, err := conn.Exec(ctx, forNoTime); err != nil {
		return err
	}
	err := conn.QueryRow(ctx, scriptWho, scriptLock, int32(node)).Scan(&f.inRecovery, &f.busy)
	if err == nil {
		f.functions, err = host.FindFunctions(ctx, conn, scripts...)
	}
	return err
}

func (f scriptFacts) obstacles(s *scripted) (found []Obstacle) {
	add := func(bad bool, problem, hint string) {
		if bad {
			found = append(found, Obstacle{problem, hint})
		}
	}
	p := s.source.ID
	add(f.answers, fmt.Sprintf("the server of node %d runs", s.node.ID), stopHint(s.node))
	add(f.inRecovery, fmt.Sprintf("node %d is in recovery: it is not the primary that pgherd takes it for", p), "wait until a primary is found, see SHOW POOL_NODES")
	add(f.busy, fmt.Sprintf("scripts for node %d still run on node %d", s.node.ID, p), "wait for them, or end them there; pg_locks has the process as the holder of an advisory lock")
	if !f.functions.Superuser {
		return append(found, Obstacle{fmt.Sprintf("%s is no superuser on node %d", s.Credentials.User, p), "set recovery.recovery_user and recovery_password"})
	}
	add(f.functions.Recovery == "" || f.functions.Start == "",
		fmt.Sprintf("database %s of node %d has no function pgpool_recovery or pgpool_remote_start that a superuser owns", s.Credentials.Database, p),
		"CREATE EXTENSION pgherd_recovery (or pgpool_recovery) there, or set recovery.recovery_database")
	add(len(f.functions.Missing) > 0, fmt.Sprintf("scripts are missing in the data directory of node %d: %s", p, strings.Join(f.functions.Missing, ", ")),
		"put them there, executable for the owner of the server")
	return found
}

func stopHint(n cluster.Node) string {
	if n.Access == cluster.AccessSQL {
		return "stop it first, there by SELECT pgpool_pgctl('stop', 'fast'): scripts write into its data directory"
	}
	return "stop it first: scripts write into its data directory"
}

// explainScripts is Explain for a recovery by scripts.
func (e *Engine) explainScripts(ctx context.Context, j *job) (Explanation, error) {
	s, err := e.prepareScripts(ctx, j)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return Explanation{Obstacles: refused.Obstacles}, nil
	}
	if err != nil {
		return Explanation{}, err
	}
	closeSoon(ctx, s.conn.Close)
	x := Explanation{Procedure: TwoStage, Reason: "by the scripts of the primary", Steps: []Step{StepMark, StepFirstStage}}
	if !s.node.Access.Machine() {
		x.Reason += fmt.Sprintf(", since node %d has access %s", s.node.ID, s.node.Access)
	}
	if s.SecondStage != "" {
		x.Steps = append(x.Steps, StepHold, StepSecondStage)
	}
	x.Steps = append(x.Steps, StepRemoteStart, StepStreaming, StepCatchUp, StepAttach)
	return x, nil
}
