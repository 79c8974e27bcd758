package failover

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// TestStorm throws random events at Step. Whatever comes: no panic, the
// invariants hold, every operation ends once its actions are done, and every
// request is answered once.
func TestStorm(t *testing.T) {
	first := pgtest.Seed(t)
	for i := range uint64(300) {
		seed := first + i
		s := newStorm(t, seed)
		for range 300 {
			s.step(s.event())
		}
		s.drain()
		for number, n := range s.answers {
			if n != 1 {
				t.Errorf("seed %d: request %d was answered %d times", seed, number, n)
			}
		}
	}
}

type storm struct {
	t       *testing.T
	seed    uint64
	rand    *rand.Rand
	now     time.Time
	state   State
	number  uint64
	answers map[uint64]int
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), now: epochStart, answers: map[uint64]int{}}
	c := Config{Auto: seed%5 != 0, HealthCheck: HealthCheck{MaxRetries: 1}}
	for i := range 3 {
		n := cluster.Node{ID: cluster.NodeID(i), Name: fmt.Sprint("node", i), Host: "h", Port: i, Access: cluster.AccessLocal}
		c.Nodes = append(c.Nodes, n)
	}
	s.state = NewState(c, cluster.Record{Primary: cluster.NoNode}, s.now)
	return s
}

func (s *storm) node() cluster.NodeID { return cluster.NodeID(s.rand.IntN(3)) }

func (s *storm) event() Event {
	s.now = s.now.Add(time.Duration(s.rand.IntN(400)) * time.Millisecond)
	switch k := s.rand.IntN(20); {
	case k < 10:
		return Probed{s.node(), s.report()}
	case k < 17 && s.state.Op != nil && len(s.state.Op.Pending) > 0:
		return s.result(s.rand.IntN(6) == 0)
	case k == 18:
		s.number++
		s.answers[s.number] = 0
		return Requested{Number: s.number, Kind: RequestKind(s.rand.IntN(5)), Node: s.node(), Mode: Mode(s.rand.IntN(2))}
	}
	return Tick{}
}

func (s *storm) report() Report {
	began := s.now.Add(-time.Duration(s.rand.IntN(300)) * time.Millisecond)
	if s.rand.IntN(4) == 0 {
		return Report{Began: began, Outcome: Outcome(2 + s.rand.IntN(5)), Detail: "bad"}
	}
	r := Report{Began: began, Outcome: Alive, SystemID: "7", Role: cluster.Standby, Received: 5, Replayed: 5}
	if s.rand.IntN(3) == 0 {
		r.Role = cluster.Primary
	} else if s.rand.IntN(4) > 0 {
		r.Receiver = Receiver{Status: "streaming", Host: "h", Port: int(s.node())}
	}
	return r
}

// result finishes one of the pending actions.
func (s *storm) result(failed bool) Done {
	task := s.state.Op.Pending[s.rand.IntN(len(s.state.Op.Pending))]
	d := Done{Op: s.state.Op.ID, Kind: task.Kind, Node: task.Node, Found: Found{SystemID: "7", Received: 9, Replayed: 9}}
	if failed {
		d.Err = errors.New("bad luck")
	}
	return d
}

func (s *storm) step(e Event) {
	before := s.state
	after, actions := Step(before, e, s.now)
	checkInvariants(s.t, before, after)
	if after.Op != nil && len(after.Op.Pending) == 0 {
		s.t.Fatalf("seed %d: the %s waits for nothing in phase %s after %+v", s.seed, after.Op.Kind, after.Op.Phase, e)
	}
	if p := after.reigning(); p != cluster.NoNode && (after.Nodes[p].Status != cluster.Up && after.Nodes[p].Status != cluster.Waiting) {
		s.t.Fatalf("seed %d: primary %d is %s", s.seed, p, after.Nodes[p].Status)
	}
	for _, a := range actions {
		if a.Kind == Reply {
			s.answers[a.Request]++
		}
		if a.Kind == PromoteNode && (!after.Promised || after.Primary != a.Node) { // the journal may be another's by then
			s.t.Fatalf("seed %d: node %d is promoted before the epoch was saved", s.seed, a.Node)
		}
	}
	s.state = after
}

// drain lets all actions succeed until no operation is left.
func (s *storm) drain() {
	for range 200 {
		switch {
		case s.state.Op != nil:
			s.step(s.result(false))
		case s.state.Asked != nil:
			s.now = s.now.Add(tick)
			s.step(Tick{})
		default:
			return
		}
	}
	s.t.Errorf("seed %d: an operation does not end: %+v", s.seed, s.state.Op)
}
