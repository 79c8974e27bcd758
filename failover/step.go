package failover

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Step is the engine's whole mind. It is pure: s is not changed, and the same
// arguments give the same results.
func Step(s State, e Event, now time.Time) (State, []Action) {
	st := &stepper{State: s.clone(), now: now}
	before := st.Snapshot()
	switch e := e.(type) {
	case Probed:
		st.probed(e)
	case Requested:
		st.requested(e)
	case Canceled:
		st.canceled(e)
	case Done:
		st.done(e)
	case Weighed:
		st.weigh(e.Weights)
	case Tick:
		st.lookAgain()
	}
	st.settle()
	st.preflight()
	st.hooks(&s)
	if after := st.Snapshot(); !same(before, after) {
		// The picture goes out before the actions that rely on it.
		st.out = slices.Insert(st.out, 0, Action{Kind: Publish, Snapshot: after})
	}
	return st.State, st.out
}

// stepper is a State while it is being stepped.
type stepper struct {
	State
	now time.Time
	out []Action
}

func same(a, b *cluster.Snapshot) bool {
	return a.Epoch == b.Epoch && a.Primary == b.Primary && a.Hold == b.Hold &&
		slices.Equal(a.Nodes, b.Nodes) && slices.Equal(a.Switches, b.Switches)
}

func (s *stepper) emit(a Action) { s.out = append(s.out, a) }

// do emits an action of the operation and awaits its Done.
func (s *stepper) do(a Action) {
	a.Op = s.Op.ID
	s.Op.Pending = append(s.Op.Pending, Task{a.Kind, a.Node})
	s.emit(a)
}

func (s *stepper) note(format string, args ...any) {
	s.emit(Action{Kind: Note, Text: fmt.Sprintf(format, args...)})
}

func (s *stepper) progress(format string, args ...any) {
	s.emit(Action{Kind: Progress, Request: s.Op.Request, Text: fmt.Sprintf(format, args...)})
}

func (s *stepper) reply(request uint64, err error) {
	if request != 0 {
		s.emit(Action{Kind: Reply, Request: request, Err: err})
	}
}

func (s *stepper) save() {
	r := s.record()
	s.emit(Action{Kind: Save, Record: &r})
}

// set changes a node's status; Since moves when the status does.
func (s *stepper) set(id cluster.NodeID, status cluster.Status, reason string) {
	n := &s.Nodes[id]
	if n.Status != status {
		n.Status, n.Since = status, s.now
	}
	n.Reason = reason
}

// weigh changes what a reload may change of the nodes.
func (s *stepper) weigh(weights []float64) {
	for i := range min(len(weights), len(s.Nodes)) {
		s.Nodes[i].Weight = weights[i]
	}
}

// settle does what follows from the state, whatever event led to it.
func (s *stepper) settle() {
	if s.Op == nil && (!s.Decided || s.Primary == cluster.NoNode) {
		s.decide()
	}
	if !s.Decided || s.Primary == cluster.NoNode {
		return
	}
	p := &s.Nodes[s.Primary]
	if s.Op != nil && s.Op.Phase == PhaseRejoin && p.dead(s.Config, s.now) {
		s.end(diedSince(p.ID, errors.New(p.Last.Detail)))
	}
	if o := s.Op; o != nil && o.Kind == OpFailover && o.Phase < PhaseEpoch && s.now.Sub(o.Began) > s.Config.FailoverTimeout {
		s.abort(fmt.Errorf("it has taken longer than %s (failover.timeout) in phase %s", s.Config.FailoverTimeout, o.Phase))
	}
	if s.Op != nil {
		return
	}
	switch {
	case p.dead(s.Config, s.now):
		s.primaryDied(p)
	case p.Last.Outcome == Alive && s.foreign(p):
		s.tellForeign()
	case s.halfway(p):
		if !s.now.Before(s.RetryAt) {
			s.begin(Operation{Kind: OpSwitchover, From: p.ID, To: s.neighbour(p.ID)})
			s.restart(errHalfway)
		}
	case p.follows():
		s.primaryInRecovery(p)
	case p.claims() && s.promising(p.ID):
		s.rejoinAgain() // it left recovery after all
	}
}
