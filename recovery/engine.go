package recovery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// Config is what the engine needs to know of the configuration.
type Config struct {
	Monitor cluster.Credentials // may replicate, and create slots
	// Timeout is how long the node may take to stop or start, and how long its
	// replay may stand still before it has caught up (Pgpool-II
	// recovery_timeout). 0 means 90 s. The copy itself may take any time.
	Timeout time.Duration
	// TablespaceMapping is where a node's tablespaces are to be, by the origin's path; nil
	// for none.
	TablespaceMapping func(cluster.NodeID) map[string]string
	MaxRate           string    // pg_basebackup --max-rate: kB/s, or with suffix k or M; "" for no limit
	KeepOld           bool      // keep the former data directory as <data_directory>.old-<n>
	Auto              Procedure // the most that RunAuto may do; Undecided for nothing
	// ArchiveDir is where, on every node's machine, the segments of pgherd receivewal
	// are; "" for nowhere.
	ArchiveDir string
	Scripts    Scripts
}

// Instance is a node's data directory and the programs there; *host.Instance
// is one.
type Instance interface {
	Machine() host.Machine
	Running() (bool, error)
	Stop(ctx context.Context, mode host.StopMode) error
	Start(ctx context.Context) error
	Control(ctx context.Context) (host.Control, error)
	BaseBackup(ctx context.Context, b host.BaseBackup) error // also verifies the copy
	Swap(newDir string, between func() error) (oldDir string, err error)
	Configure(set map[string]string, remove ...string) error
	Follow(primaryConninfo, slot string) error
	PrimaryConninfo(ctx context.Context) (string, error)
	LogEnd(ctx context.Context) (host.LogEnd, error)
	Rewind(ctx context.Context, r host.Rewind) error
	ArchiveReady(ctx context.Context) (done []string, err error)
	Commits(ctx context.Context, t cluster.Timeline, from, end cluster.LSN) (host.Commits, error)
}

// Membership decides which nodes are in service; the failover engine is one.
// Every BeginRecovery that returned nil is followed by exactly one EndRecovery:
// with nil the node streams, has caught up and is to be attached, with an error
// it stays down. EndRecovery must end the recovery also when it returns one.
type Membership interface {
	BeginRecovery(ctx context.Context, node cluster.NodeID) error
	EndRecovery(ctx context.Context, node cluster.NodeID, err error) error
}

// Engine runs recoveries, one per node at a time, several nodes at once.
type Engine struct {
	cfg       Config
	board     *cluster.Board
	instances func(cluster.NodeID) (Instance, error)
	owner     Membership
	log       hclog.Logger

	seen atomic.Uint64 // generation of the snapshot that watch saw last
	jobs sync.WaitGroup

	mu      sync.Mutex // guards following
	running map[cluster.NodeID]*job
	past    []Job // oldest first
	closed  bool
}

const (
	defaultTimeout = 90 * time.Second
	pastJobs       = 32 // ended jobs that Jobs remembers
)

// New returns an engine without jobs. instances opens a node's instance; it is
// asked at the beginning of each job, for nodes whose access is not none.
func New(cfg Config, board *cluster.Board, instances func(cluster.NodeID) (Instance, error), owner Membership, log hclog.Logger) *Engine {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	e := &Engine{
		cfg: cfg, board: board, instances: instances, owner: owner, log: log,
		running: make(map[cluster.NodeID]*job),
	}
	board.Watch(e.watch)
	return e
}

// Recover is RecoverBy the procedure that Diagnose chooses.
func (e *Engine) Recover(ctx context.Context, node cluster.NodeID, progress func(Progress)) error {
	return e.RecoverBy(ctx, node, Undecided, progress)
}

// RecoverBy is RecoverWith a procedure and nothing else.
func (e *Engine) RecoverBy(ctx context.Context, node cluster.NodeID, wanted Procedure, progress func(Progress)) error {
	return e.RecoverWith(ctx, node, By(wanted), progress)
}

// RecoverWith brings a node back and returns when it is attached and caught up.
// progress is called on the goroutines of the job, never twice at once; nil is
// fine. The end of ctx cancels the job.
//
// Errors: *NodeError of ErrBusy, ErrClosed, *RefusedError when nothing was touched, and
// *StepError. The last two carry a hint and a SQLSTATE.
func (e *Engine) RecoverWith(ctx context.Context, node cluster.NodeID, how Options, progress func(Progress)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j := newJob(node, e.byScripts(node, how), cancel, progress, time.Now())
	if err := e.admit(j); err != nil {
		return err
	}
	defer e.jobs.Done()
	defer close(j.ended)
	err := e.run(ctx, j)
	e.retire(j, err)
	return err
}

// Check is the preflight of Recover alone: it returns every reason to refuse, and
// touches nothing.
func (e *Engine) Check(ctx context.Context, node cluster.NodeID) error {
	j := newJob(node, e.byScripts(node, By(Undecided)), func(error) {}, nil, time.Now())
	if j.how.Procedure == TwoStage {
		s, err := e.prepareScripts(ctx, j)
		if err == nil {
			closeSoon(ctx, s.conn.Close)
		}
		return err
	}
	_, err := e.preflight(ctx, j)
	return err
}

// run is one job from the first question to the last step.
func (e *Engine) run(ctx context.Context, j *job) error {
	if j.how.Procedure == TwoStage {
		return e.runScripts(ctx, j)
	}
	p, err := e.preflight(ctx, j)
	if err != nil {
		return err
	}
	j.enter(StepMark, "")
	if err := e.owner.BeginRecovery(ctx, p.node.ID); err != nil {
		return fmt.Errorf("recover node %d: %w", p.node.ID, err)
	}
	r := newRepair(e, j, p)
	if err := r.run(ctx); err != nil {
		return e.giveUp(ctx, p.node.ID, err)
	}
	return nil
}

// giveUp leaves the node out of service, also when ctx has ended.
func (e *Engine) giveUp(ctx context.Context, node cluster.NodeID, failed *StepError) error {
	if failed.Step >= StepAttach {
		return failed // EndRecovery was called by that step
	}
	ctx, cancel := outlive(ctx)
	defer cancel()
	if err := e.owner.EndRecovery(ctx, node, failed); err != nil {
		e.log.Error("cannot mark the node down after its recovery failed", "node", node, "error", err)
	}
	return failed
}

func (e *Engine) admit(j *job) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	if e.running[j.row.Node] != nil {
		return &NodeError{Node: j.row.Node, Err: ErrBusy}
	}
	e.running[j.row.Node] = j
	e.jobs.Add(1)
	return nil
}

func (e *Engine) retire(j *job, err error) {
	row := j.end(err, time.Now())
	if err != nil {
		e.log.Error("recovery failed", "node", row.Node, "step", row.Step, "error", err)
	} else {
		e.log.Info("recovery done", "node", row.Node, "procedure", row.Procedure, "took", row.Ended.Sub(row.Since))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, row.Node)
	e.past = append(e.past, row)
	if len(e.past) > pastJobs {
		e.past = slices.Delete(e.past, 0, len(e.past)-pastJobs)
	}
}

// Jobs lists the ended jobs, oldest first, then the running ones by node.
func (e *Engine) Jobs() []Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	rows := slices.Clone(e.past)
	for _, n := range e.board.Current().Nodes {
		if j := e.running[n.ID]; j != nil {
			rows = append(rows, j.snapshot())
		}
	}
	return rows
}

// Kill cancels the job of a node and returns when it has cleaned up. An error is
// ErrNotRunning, or the end of ctx.
func (e *Engine) Kill(ctx context.Context, node cluster.NodeID) error {
	e.mu.Lock()
	j := e.running[node]
	e.mu.Unlock()
	if j == nil {
		return &NodeError{Node: node, Err: ErrNotRunning}
	}
	j.cancel(ErrKilled)
	select {
	case <-j.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close cancels the running jobs, waits until they have cleaned up, and has
// Recover refuse new ones.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	for _, j := range e.running {
		j.cancel(ErrClosed)
	}
	e.mu.Unlock()
	e.jobs.Wait()
}

// watch is called by the board, often: it looks only at new snapshots. It ends
// the jobs whose node would follow one that has lost the primary's role.
func (e *Engine) watch() {
	s := e.board.Current()
	if e.seen.Swap(s.Generation) == s.Generation {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, j := range e.running {
		if p := j.follows(); p != cluster.NoNode && p != s.Primary {
			j.cancel(fmt.Errorf("%w: node %d is not primary any more", ErrPrimaryChanged, p))
		}
	}
}

// outlive is a context for cleaning up: it goes on after ctx has ended, but not
// for ever.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
