package failover

import (
	"fmt"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// TestModel strikes a small cluster at every moment of a failover and of a
// switchover: the engine is killed and restarted, another node dies, who asked takes
// it back, a record can't be saved, a standby is detached, or several of these.
// Whatever happens: epochs never decrease, one node takes writes in an epoch, no
// synchronous commit is lost, nor any that an epoch had which is said to be complete,
// and when everybody is back there is a primary and nobody is out of service without
// a reason. A switchover is also forced, to a standby that gets no log any more: then
// commits may be lost.
func TestModel(t *testing.T) {
	runs := 0
	for _, nodes := range []int{2, 3} {
		for _, acks := range []int{0, 1} {
			for _, m := range []model{
				{access: cluster.AccessLocal, stride: 5}, {access: cluster.AccessLocal, planned: true, stride: 5},
				{access: cluster.AccessLocal, planned: true, force: true, stride: 97},
				{access: cluster.AccessLocal, orderly: true, stride: 47},
				{access: cluster.AccessNone, planned: true, stride: 23},
				{access: cluster.AccessSQL, planned: true, stride: 47},
				{access: cluster.AccessSQL, planned: true, force: true, stride: 97},
				{access: cluster.AccessNone, planned: true, force: true, stride: 97},
			} {
				m.t, m.nodes, m.acks = t, nodes, acks
				if raceDetected() {
					m.stride *= 20
				}
				if m.enumerate(); t.Failed() {
					return
				}
				runs += m.runs
			}
		}
	}
	t.Logf("%d runs", runs)
}

// raceDetected reports whether the race detector watches: it is slow, and there is but
// one goroutine. make check has all runs without it.
func raceDetected() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// model is what is common to runs.
type model struct {
	t           *testing.T
	nodes, acks int
	planned     bool
	orderly     bool // not planned, but the primary is stopped in order, by somebody else
	force       bool // the switchover, and to a standby that is cut off
	access      cluster.Access
	stride      int // from one moment of a node's death to the next
	cancel      int // at which point who asked takes it back; 0: never
	detach      int // at which point the last node is detached; 0: never
	full        int // from which point on the disk is full, for a while; 0: never
	runs        int
}

// enumerate strikes at every point, and at every pair of some.
func (m *model) enumerate() {
	last := m.run(0, 0, 0)
	for m.cancel = 1; m.planned && m.cancel <= last; m.cancel++ {
		m.run(0, 0, 0)
		if m.cancel%2 == 0 {
			m.run(m.cancel+3, 0, 0)
			m.run(0, m.cancel+3, m.cancel/2%m.nodes)
		}
	}
	m.cancel = 0
	for m.full = 1; m.full <= last; m.full += 2 {
		m.run(0, 0, 0)
		m.run(m.full+7, 0, 0)
	}
	m.full = 0
	for m.detach = 1; m.detach <= last; m.detach += 3 {
		m.run(0, 0, 0)
		m.run(m.detach+7, 0, 0)
		m.run(0, m.detach+7, 0)
	}
	m.detach = 0
	for crash := range last + 1 {
		m.run(crash, 0, 0)
		for kill := 1; kill <= last; kill += m.stride {
			m.run(crash, kill+crash%5, m.nodes-1) // the one that does not lag
			m.run(crash, kill, crash%m.nodes)
		}
		if m.t.Failed() {
			return
		}
	}
}

// settling is within how many rounds, of 200 or 300 ms each, all must be well.
const settling = 400

// run lets the engine crash at one point and kills a node at another, 0 being
// never, and tells how many points there were.
func (m *model) run(crash, kill, victim int) int {
	m.runs++
	name := fmt.Sprintf("%d nodes, access %s, acks %d, planned %v, orderly %v, forced %v, canceled at %d, full at %d, detached at %d, crash at %d, node %d killed at %d",
		m.nodes, m.access, m.acks, m.planned, m.orderly, m.force, m.cancel, m.full, m.detach, crash, victim, kill)
	w := newWorld(m.t, name, m.nodes, m.acks, m.access)
	for range 5 {
		w.round()
	}
	w.points = 0
	w.strike(kill, func() { w.nodes[victim].running = false })
	w.strike(crash, func() { w.crashed = true })
	w.strike(m.cancel, func() { w.cancels = true })
	w.strike(m.detach, func() { w.detaches = true })
	w.strike(m.full, func() { w.full = true })
	switch {
	case m.planned:
		w.ask(m.force)
	case m.orderly:
		w.stop(0)
	default:
		w.nodes[0].running = false
	}
	for range 30 { // longer than an operation that failed takes to be tried again
		w.round()
	}
	points := w.points
	clear(w.faults)
	w.full = false
	for _, n := range w.nodes {
		n.start()
		n.cut = false
	}
	for range settling {
		w.attach()
		if w.round(); w.failed || w.well() {
			return points
		}
	}
	w.fail("it does not come to rest: %s, operation %+v", describe(w.state.Snapshot()), w.state.Op)
	return points
}

// strike has f happen at a point, after what happens there already.
func (w *world) strike(point int, f func()) {
	if before := w.faults[point]; before != nil {
		w.faults[point] = func() { before(); f() }
		return
	}
	w.faults[point] = f
}

// well: there is a primary, and every node is in use or known to be unfit.
func (w *world) well() bool {
	s := w.state.Snapshot()
	p := s.Writable()
	if p == cluster.NoNode || w.state.Op != nil || !w.nodes[p].primary {
		return false
	}
	for i, n := range s.Nodes {
		unfit := n.Status == cluster.Down && n.Reason != "" && (w.nodes[i].primary || !w.prefix(i, int(p)))
		if n.Status != cluster.Up && !unfit {
			return false
		}
	}
	return true
}

// prefix reports whether a could follow b as it is.
func (w *world) prefix(a, b int) bool {
	n := *w.nodes[a]
	n.follows = cluster.NodeID(b)
	old := w.nodes[a]
	w.nodes[a] = &n
	defer func() { w.nodes[a] = old }()
	return w.streams(cluster.NodeID(a))
}
