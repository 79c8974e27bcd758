package failover

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
)

// tick is how often Step sees time pass when nothing happens.
const tick = 100 * time.Millisecond

// Engine is the only writer of the board's picture. Its methods but Run are
// safe for concurrent use; requests made before Run wait for it.
type Engine struct {
	config    Config
	board     *cluster.Board
	store     Store
	log       hclog.Logger
	runner    *runner
	journal   *cluster.Journal
	monitors  [cluster.MaxNodes]atomic.Pointer[monitor] // by node
	heard     [cluster.MaxNodes]atomic.Uint64           // each node's last known position when its connection broke
	positions *positions

	events  chan Event
	asked   chan request
	number  atomic.Uint64 // of the last request
	looks   chan func(*State)
	stopped chan struct{}
}

// Deps is what the engine works with.
type Deps struct {
	Board     *cluster.Board
	Store     Store
	Log       hclog.Logger
	Instances func(cluster.NodeID) (Instance, error) // an error where access is none
	Sessions  Sessions                               // nil: there are none to wait for
	Journal   *cluster.Journal                       // hears of everything that happens; may be nil
}

// New returns an engine for c's nodes, which must be those of the board.
func New(c Config, d Deps) *Engine {
	c = c.withDefaults()
	e := &Engine{
		config: c, board: d.Board, store: d.Store, log: d.Log.Named("failover"), journal: d.Journal,
		runner:  &runner{config: c, board: d.Board, instances: d.Instances, sessions: d.Sessions, log: d.Log.Named("failover")},
		events:  make(chan Event, 64),
		asked:   make(chan request),
		looks:   make(chan func(*State)),
		stopped: make(chan struct{}),
	}
	e.positions = &positions{board: d.Board}
	return e
}

// Run watches and steers the cluster until ctx ends. It returns when all its
// goroutines have; an operation that is under way is left to the journal. It
// must be called once.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.stopped)
	var group sync.WaitGroup
	defer group.Wait()
	for _, n := range e.config.Nodes {
		e.watch(ctx, &group, n)
	}
	group.Go(func() { e.positions.dispatch(ctx) })
	group.Go(func() { newCoverage(e.config, e.board, e.log).run(ctx) })
	l := loop{engine: e, group: &group, waiting: map[uint64]*waiter{}, hooks: hooks{ended: make(chan struct{}, 1)}}
	l.state = NewState(e.config, e.store.Load(), time.Now())
	l.run(ctx)
	return ctx.Err()
}

// Suspect tells that a session saw node's connection refused, reset or shut
// down. It never blocks; the node is probed at once.
func (e *Engine) Suspect(node cluster.NodeID, err error) {
	m := e.monitor(node)
	if m == nil {
		return
	}
	if e.log.IsDebug() {
		e.log.Debug("suspected", "node", node, "error", err)
	}
	m.alarm.ring(true)
}

// Promote makes node the primary: by a switchover that loses nothing when the
// primary lives, otherwise by a failover to it. What
// stands in its way may pass within 2 s; then it is refused, with all reasons.
// progress, which may be nil, is told of every stage. The end of ctx takes it back: up to
// the raised epoch it is undone, and the error wraps context.Canceled; after that it goes
// on, which progress is told, and Promote returns what came of it.
func (e *Engine) Promote(ctx context.Context, node cluster.NodeID, mode Mode, progress func(string)) error {
	return e.request(ctx, Requested{Kind: RequestPromote, Node: node, Mode: mode}, progress)
}

// Detach takes a standby out of service until it is attached.
func (e *Engine) Detach(ctx context.Context, node cluster.NodeID) error {
	return e.request(ctx, Requested{Kind: RequestDetach, Node: node}, nil)
}

// Drain keeps statements from beginning on a standby until undo is called, which must
// be once. Those that run there go on.
func (e *Engine) Drain(ctx context.Context, node cluster.NodeID) (undo func(), err error) {
	if err := e.request(ctx, Requested{Kind: RequestDrain, Node: node}, nil); err != nil {
		return nil, err
	}
	return func() { // an error says that the engine has stopped
		_ = e.request(context.WithoutCancel(ctx), Requested{Kind: RequestDrained, Node: node}, nil)
	}, nil
}

// SetWeights gives the nodes their shares of the reads, by number.
func (e *Engine) SetWeights(ctx context.Context, weights []float64) {
	select {
	case e.events <- Weighed{weights}:
	case <-e.stopped:
	case <-ctx.Done():
	}
}

// BeginRecovery hands a standby over to the recovery engine, which must call
// EndRecovery.
func (e *Engine) BeginRecovery(ctx context.Context, node cluster.NodeID) error {
	return e.request(ctx, Requested{Kind: RequestRecover, Node: node}, nil)
}

// EndRecovery takes the node back: attached when err is nil, which says that it
// streams and has caught up, down otherwise.
func (e *Engine) EndRecovery(ctx context.Context, node cluster.NodeID, err error) error {
	return e.request(ctx, Requested{Kind: RequestRecovered, Node: node, Err: err}, nil)
}

// request is a Requested on its way to the loop.
type request struct {
	Requested
	waiter *waiter
}

// waiter is the caller of a request.
type waiter struct {
	progress chan string // what does not fit is dropped
	answer   chan error  // one slot
}

func (e *Engine) request(ctx context.Context, r Requested, progress func(string)) error {
	w := &waiter{progress: make(chan string, 64), answer: make(chan error, 1)}
	r.Number = e.number.Add(1)
	select {
	case e.asked <- request{r, w}:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stopped:
		return ErrStopped
	}
	return e.await(ctx, r.Number, w, progress)
}

func (e *Engine) await(ctx context.Context, number uint64, w *waiter, progress func(string)) error {
	tell := func(text string) {
		if progress != nil {
			progress(text)
		}
	}
	gone := ctx.Done()
	for {
		select {
		case text := <-w.progress:
			tell(text)
		case err := <-w.answer:
			for len(w.progress) > 0 {
				tell(<-w.progress)
			}
			return err
		case <-gone:
			gone = nil // once; the answer tells what came of it
			e.cancel(number)
		case <-e.stopped:
			return ErrStopped
		}
	}
}

func (e *Engine) cancel(request uint64) {
	select {
	case e.events <- Canceled{request}:
	case <-e.stopped:
	}
}

// lost makes node's position count as unknown, for a server that restarts may be
// further behind, but remembers how much log it is known to have had.
func (e *Engine) lost(node cluster.NodeID) {
	if p := e.board.Position(node).Load(); p != nil && p.LSN > 0 {
		e.heard[node].Store(uint64(p.LSN))
	}
	e.board.Forget(node, time.Now())
}

func (e *Engine) probed(ctx context.Context, node cluster.NodeID, r Report) {
	if r.Outcome == Unknown {
		e.log.Error("cannot watch a node, whose status stays as it is meanwhile", "node", node, "error", r.Detail)
		return
	}
	if r.Outcome != Alive {
		r.Received = cluster.LSN(e.heard[node].Load())
		if p := e.board.Position(node).Load(); p != nil {
			r.Received = max(r.Received, p.LSN)
		}
	}
	e.post(ctx, Probed{Node: node, Report: r})
}

func (e *Engine) event(kind cluster.EventKind, node cluster.NodeID, text string) {
	e.journal.Add(cluster.Event{At: time.Now(), Node: node, Kind: kind, Text: text})
}

func (e *Engine) post(ctx context.Context, v Event) {
	select {
	case e.events <- v:
	case <-ctx.Done():
	}
}
