package failover

import (
	"slices"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// What was detached by command stays out after a restart, although it streams;
// what was down for another reason comes back by itself. Attaching it is
// remembered as well.
func TestDetachedSurvivesARestart(t *testing.T) {
	b := &book{t: t, dir: t.TempDir(), now: epochStart}
	b.open()
	b.everybodyWell()
	b.step(Requested{Number: 1, Kind: RequestDetach, Node: 1})
	b.step(Probed{2, Report{Began: b.now, Outcome: Refused}})
	b.step(Probed{2, Report{Began: b.now, Outcome: Refused}})
	b.want("before the restart", cluster.Up, cluster.Down, cluster.Down)

	b.open()
	if s := b.state.Snapshot(); s.Nodes[1].Status != cluster.Down || s.Nodes[1].Reason != reasonDetached {
		t.Errorf("before the first probe node 1 is %s (%s)", s.Nodes[1].Status, s.Nodes[1].Reason)
	}
	b.everybodyWell()
	b.want("after the restart", cluster.Up, cluster.Down, cluster.Up)

	b.step(Requested{Number: 2, Kind: RequestAttach, Node: 1})
	b.want("attached", cluster.Up, cluster.Up, cluster.Up)
	b.open()
	b.everybodyWell()
	b.want("attached, after a restart", cluster.Up, cluster.Up, cluster.Up)
}

// book is a State whose records go to a real store.
type book struct {
	t     *testing.T
	dir   string
	now   time.Time
	store *cluster.Store
	state State
}

// open is a start of pgherd.
func (b *book) open() {
	b.t.Helper()
	store, err := cluster.OpenStore(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	c := Config{HealthCheck: HealthCheck{MaxRetries: 2}}
	for i := range 3 {
		c.Nodes = append(c.Nodes, cluster.Node{ID: cluster.NodeID(i), Host: "h", Port: i, Access: cluster.AccessLocal})
	}
	b.store, b.state = store, NewState(c, store.Load(), b.now)
}

func (b *book) step(e Event) {
	b.t.Helper()
	b.now = b.now.Add(time.Millisecond)
	var actions []Action
	b.state, actions = Step(b.state, e, b.now)
	for _, a := range actions {
		if a.Kind == Save {
			if err := b.store.Save(*a.Record); err != nil {
				b.t.Fatal(err)
			}
		}
		if a.Kind == Reply && a.Err != nil {
			b.t.Fatal(a.Err)
		}
	}
}

func (b *book) everybodyWell() {
	b.t.Helper()
	for id := range cluster.NodeID(3) {
		r := Report{Began: b.now.Add(time.Millisecond), Outcome: Alive, SystemID: "7", Role: cluster.Primary}
		if id > 0 {
			r.Role, r.Receiver = cluster.Standby, Receiver{Status: "streaming", Host: "h", Port: 0}
		}
		b.step(Probed{id, r})
	}
}

func (b *book) want(when string, statuses ...cluster.Status) {
	b.t.Helper()
	var got []cluster.Status
	for _, n := range b.state.Snapshot().Nodes {
		got = append(got, n.Status)
	}
	if !slices.Equal(got, statuses) {
		b.t.Errorf("%s: %v, want %v", when, got, statuses)
	}
}
