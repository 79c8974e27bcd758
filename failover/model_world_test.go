package failover

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// world is a small cluster that obeys PostgreSQL's rules, an engine in front of
// it, and clients that write without pause. A record of the log is a number that
// is written once.
type world struct {
	t       *testing.T
	name    string
	config  Config
	acks    int // of synchronous replication; 0: asynchronous
	now     time.Time
	nodes   []*server
	written int
	acked   []int
	leaders map[cluster.Epoch]cluster.NodeID // who took writes in which epoch

	store   cluster.Record
	state   State
	pending []Action
	request uint64

	points   int            // at which something may happen, passed so far
	faults   map[int]func() // what happens there
	crashed  bool           // the engine, in this very moment
	cancels  bool           // whoever asked takes it back, in this very moment
	detaches bool           // somebody detaches the last node, in this very moment
	full     bool           // nothing can be saved
	forced   bool           // commits may be lost
	failed   bool
}

// server is a node.
type server struct {
	running bool
	primary bool
	tl      cluster.Timeline
	log     []int
	follows cluster.NodeID
	lags    bool // it is always one record behind
	cut     bool // gets no log
	demoted bool // read-only
	orderly bool // it does not run, and was stopped in order
	marked  bool // it comes up as a standby
}

var (
	errSilent = errors.New("it does not answer")
	errFull   = errors.New("the disk is full")
)

func newWorld(t *testing.T, name string, nodes, acks int, access cluster.Access) *world {
	w := &world{t: t, name: name, acks: acks, now: epochStart, leaders: map[cluster.Epoch]cluster.NodeID{},
		store: cluster.Record{Primary: cluster.NoNode}, faults: map[int]func(){}}
	w.config = Config{Auto: true, HealthCheck: HealthCheck{MaxRetries: 1}}
	for i := range nodes {
		w.config.Nodes = append(w.config.Nodes, cluster.Node{ID: cluster.NodeID(i), Name: fmt.Sprint("node", i), Host: "h", Port: i, Access: access})
		w.nodes = append(w.nodes, &server{running: true, primary: i == 0, tl: 1, lags: nodes > 2 && i == 1})
	}
	w.restart()
	return w
}

// ask for node 1 to become the primary. By force it is cut off from the log first.
func (w *world) ask(force bool) {
	mode := Switchover
	if force {
		w.forced, mode = true, Force
		w.nodes[1].cut = true
		w.write()
	}
	w.request++
	w.step(Requested{Number: w.request, Kind: RequestPromote, Node: 1, Mode: mode})
}

// attach asks for what was detached.
func (w *world) attach() {
	for _, n := range w.state.Nodes {
		if n.Detached {
			w.step(Requested{Kind: RequestAttach, Node: n.ID})
		}
	}
}

// restart is a new engine on what the store has.
func (w *world) restart() {
	w.crashed, w.pending = false, nil
	w.state = NewState(w.config, w.store, w.now)
}

// point is a moment at which a fault may strike.
func (w *world) point() {
	w.points++
	if f := w.faults[w.points]; f != nil {
		f()
	}
}

// round lets time pass: everybody is probed, clients write, actions are done.
func (w *world) round() {
	for i := range w.nodes {
		w.now = w.now.Add(100 * time.Millisecond)
		w.write()
		w.step(Probed{cluster.NodeID(i), w.report(cluster.NodeID(i))})
		w.act()
	}
	w.step(Tick{})
	w.act()
	if w.crashed {
		w.restart()
	}
}

func (w *world) act() {
	for len(w.pending) > 0 && !w.crashed {
		if w.cancels {
			w.cancels = false
			w.step(Canceled{w.request})
		}
		if w.detaches {
			w.detaches = false
			w.step(Requested{Kind: RequestDetach, Node: cluster.NodeID(len(w.nodes) - 1)})
		}
		a := w.pending[0]
		w.pending = w.pending[1:]
		w.point()
		found, err := w.perform(a)
		w.point()
		w.step(Done{Op: a.Op, Kind: a.Kind, Node: a.Node, Err: err, Found: found})
	}
}

// step feeds one event. An engine that has crashed does nothing any more.
func (w *world) step(e Event) {
	if w.crashed {
		return
	}
	before := w.state
	after, actions := Step(before, e, w.now)
	checkInvariants(w.t, before, after)
	w.state = after
	for _, a := range actions {
		w.point()
		if w.crashed {
			return
		}
		switch a.Kind {
		case Publish, Reply, Progress, Note, Hook, Probe:
		case Save:
			w.save(a)
		default:
			w.pending = append(w.pending, a)
		}
	}
}

func (w *world) save(a Action) {
	if a.Record.Epoch < w.store.Epoch {
		w.fail("the store's epoch went from %d to %d", w.store.Epoch, a.Record.Epoch)
	}
	var err error
	if w.full {
		err = errFull
	} else {
		w.store = *a.Record
	}
	w.point()
	w.step(Done{Op: a.Op, Kind: Save, Node: a.Node, Err: err})
}

func (w *world) fail(format string, args ...any) {
	w.failed = true
	w.t.Errorf("%s: %s", w.name, fmt.Sprintf(format, args...))
}

// write is what clients do through the engine's picture, whether or not it is
// there: the last picture stays when it crashes.
func (w *world) write() {
	w.replicate(false)
	s := w.state.Snapshot()
	p := s.Writable()
	if p == cluster.NoNode || w.crashed || !w.nodes[p].running || !w.nodes[p].primary {
		return
	}
	if was, ok := w.leaders[s.Epoch]; ok && was != p {
		w.fail("nodes %d and %d took writes in epoch %d", was, p, s.Epoch)
	}
	w.leaders[s.Epoch] = p
	if w.nodes[p].demoted {
		w.fail("writes go to node %d, which is read-only", p)
	}
	w.written++
	w.nodes[p].log = append(w.nodes[p].log, w.written)
	if w.replicate(true) >= w.acks {
		w.acked = append(w.acked, w.written)
	}
}

// replicate sends logs on and counts the standbys that have all of it.
func (w *world) replicate(fresh bool) (have int) {
	for i, n := range w.nodes {
		if !w.streams(cluster.NodeID(i)) {
			continue
		}
		up := w.nodes[n.follows]
		if !fresh || !n.lags {
			n.log, n.tl = slices.Clone(up.log), up.tl
			have++
		}
	}
	return have
}

// streams: a standby can follow only whose log goes on where its own ends.
func (w *world) streams(id cluster.NodeID) bool {
	n := w.nodes[id]
	if !n.running || n.cut || n.primary || n.follows == cluster.NoNode {
		return false
	}
	up := w.nodes[n.follows]
	return up.running && up.primary && len(n.log) <= len(up.log) && slices.Equal(n.log, up.log[:len(n.log)])
}

func lsn(n *server) cluster.LSN { return cluster.LSN(0x100 + len(n.log)) }

func (w *world) report(id cluster.NodeID) Report {
	n := w.nodes[id]
	if !n.running {
		return Report{Began: w.now, Outcome: Refused, Detail: "connection refused"}
	}
	r := Report{Began: w.now, Outcome: Alive, SystemID: "7", Role: cluster.Standby, Timeline: n.tl, Received: lsn(n), Replayed: lsn(n)}
	if !n.primary {
		if w.streams(id) {
			r.Receiver = Receiver{Status: "streaming", Host: "h", Port: int(n.follows)}
		}
		return r
	}
	r.Role, r.Acks = cluster.Primary, w.acks
	for i, f := range w.nodes {
		if w.streams(cluster.NodeID(i)) && w.nodes[f.follows] == n {
			r.Followers = append(r.Followers, Follower{Name: fmt.Sprint("node", i), State: "streaming", SyncState: "quorum", Flushed: lsn(f)})
		}
	}
	return r
}

// perform carries an action out as PostgreSQL and the runner would.
func (w *world) perform(a Action) (Found, error) {
	n := w.nodes[a.Node]
	f := Found{SystemID: "7", Timeline: n.tl, Received: lsn(n), Replayed: lsn(n)}
	onHost := a.Kind == Fence || a.Kind == Start || a.Kind == Rejoin
	if !n.running && (!onHost || w.bySQL(a) && !w.nodes[a.To].running) {
		return Found{}, errSilent
	}
	switch a.Kind {
	case Freeze:
		f.Conninfo, n.follows = "host=h", cluster.NoNode
	case Unfreeze:
		n.follows = a.To
	case AwaitReplay:
		if lsn(n) < a.LSN && !a.Torn {
			return f, errSilent
		}
	case Stop:
		n.marked = w.bySQL(a)
		w.stop(a.Node)
	case Fence:
		if f = (Found{}); n.orderly {
			f.Received = lsn(n)
		}
		n.running = false
	case Start:
		n.start()
		n.primary, n.marked = true, false
	case Demote:
		w.replicate(false)
		n.demoted = true
	case Reopen:
		n.demoted = false
	case PromoteNode:
		w.promote(a.Node)
		f.Timeline = n.tl
	case Repoint, Rejoin:
		n.follows = a.To
		if a.Kind == Rejoin {
			n.start()
			n.primary = false
		}
		if !w.streams(a.Node) {
			return f, errSilent
		}
	}
	return f, nil
}

// bySQL: a.To starts what does not run.
func (w *world) bySQL(a Action) bool { return w.config.Nodes[a.Node].Access == cluster.AccessSQL }

// stop shuts a primary down in order: whoever streams gets all.
func (w *world) stop(id cluster.NodeID) {
	w.replicate(false)
	w.nodes[id].running, w.nodes[id].orderly = false, true
}

func (n *server) start() {
	n.running, n.orderly = true, false
	if n.marked {
		n.primary, n.marked, n.follows = false, false, cluster.NoNode
	}
}

func (w *world) promote(id cluster.NodeID) {
	n := w.nodes[id]
	if n.primary {
		return
	}
	n.primary, n.demoted, n.follows = true, false, cluster.NoNode
	n.tl++
	last := w.store.Switches[len(w.store.Switches)-1]
	for _, r := range w.acked {
		if (w.acks > 0 && !w.forced || last.Complete) && !slices.Contains(n.log, r) {
			w.fail("node %d was promoted without the acknowledged record %d, complete %v", id, r, last.Complete)
			return
		}
	}
}
