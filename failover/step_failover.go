package failover

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

const (
	// retryOperation is the pause after an automatic operation that failed.
	retryOperation = 5 * time.Second
	// standbysPatience is how long standbys may take to say whether they still
	// hear from a primary that nobody else reaches.
	standbysPatience = 300 * time.Millisecond
)

// primaryDied decides what to do about a primary that failed its probes.
func (s *stepper) primaryDied(p *NodeView) {
	reason := "health check: " + p.Last.Detail
	switch heir := s.successor(); {
	case !s.standbysAsked(p):
		// the next report or tick comes soon
	case p.Flag != cluster.AllowToFailover:
		s.set(p.ID, cluster.Quarantine, fmt.Sprintf("%s; nobody takes over, its flag is %s", reason, p.Flag))
	case s.heardByStandbys(p):
		s.set(p.ID, cluster.Quarantine, reason+"; but standbys hear from it")
	case !s.Config.Auto:
		s.set(p.ID, cluster.Down, reason+"; failover is not automatic: PROMOTE NODE n")
	case heir != cluster.NoNode:
		s.note("node %d is gone, and the standbys follow node %d, which somebody else promoted", p.ID, heir)
		s.succeed(heir)
	case len(s.candidates()) == 0:
		s.set(p.ID, cluster.Quarantine, reason+"; no standby can take over")
	case s.nobodyMay() != "":
		s.set(p.ID, cluster.Quarantine, reason+"; "+s.nobodyMay())
	case s.now.Before(s.RetryAt):
	default:
		s.beginFailover(Operation{To: cluster.NoNode})
	}
}

// standbysAsked reports whether every standby in use was probed after the
// first failure of the primary was known, or had its time for it.
func (s *stepper) standbysAsked(p *NodeView) bool {
	if s.now.Sub(p.FailedAt) > standbysPatience+s.Config.HealthCheck.Timeout {
		return true
	}
	waiting := slices.ContainsFunc(s.candidates(), func(n *NodeView) bool {
		return n.Last.Began.Before(p.FailedAt)
	})
	return !waiting || p.Last.Outcome == Refused && s.now.Sub(p.FailedAt) > standbysPatience
}

// heardByStandbys reports whether a standby received something from p after
// the first failed probe of p had ended: what it sent before that may be the
// last that it did before it hung. What comes from the future shows that the
// standby's clock was set back, and nothing else.
func (s *stepper) heardByStandbys(p *NodeView) bool {
	return slices.ContainsFunc(s.candidates(), func(n *NodeView) bool {
		heard := n.Last.Began.Add(-n.Last.Receiver.Age)
		return n.Last.Receiver.Streams(p.Node) && n.Last.Receiver.Age >= 0 && heard.After(p.FailedAt)
	})
}

// candidates are the standbys in use that answer, but for the primary of an operation.
func (s *stepper) candidates() []*NodeView {
	var found []*NodeView
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.Status.Serves() && n.follows() && !s.foreign(n) && (s.Op == nil || n.ID != s.Op.From) {
			found = append(found, n)
		}
	}
	return found
}

func (s *stepper) beginFailover(o Operation) {
	o.Kind, o.From, o.Phase = OpFailover, s.Primary, PhaseIntent
	if s.resigned() {
		o.From = cluster.NoNode // one standby of many
	}
	s.begin(o)
	if o.From != cluster.NoNode {
		s.set(o.From, cluster.Down, fmt.Sprintf("failed: %s: RECOVER NODE %d", s.Nodes[o.From].Last.Detail, o.From))
	}
	for _, n := range s.candidates() {
		s.Op.Halted, n.Astray = append(s.Op.Halted, n.ID), true
	}
	s.progress("failover from %s: stopping the receivers of the standbys", named(o.From))
	s.journal(PhaseIntent)
}

// freeze stops all receivers: positions may only be compared when they stand.
func (s *stepper) freeze() {
	s.Op.Phase = PhaseFreeze
	for _, id := range s.Op.Halted {
		s.do(Action{Kind: Freeze, Node: id})
	}
	if len(s.Op.Pending) == 0 {
		s.abort(errNoStandby)
	}
}

func (s *stepper) frozen(e Done) {
	if e.Found.Conninfo != "" {
		s.Nodes[e.Node].Conninfo = e.Found.Conninfo
	}
	if e.Err != nil {
		s.note("the receiver of node %d was not stopped: %v", e.Node, e.Err)
	} else {
		s.Op.Frozen = append(s.Op.Frozen, e.Node)
	}
	if len(s.Op.Pending) > 0 || s.undone() {
		return
	}
	if s.demotes() {
		s.demote()
		return
	}
	s.Op.Phase = PhaseCollect
	for _, id := range s.Op.Frozen {
		s.do(Action{Kind: Collect, Node: id})
	}
	if len(s.Op.Frozen) == 0 {
		s.abort(errors.New("no standby's receiver could be stopped"))
	}
}

func (s *stepper) collected(e Done) {
	switch {
	case e.Err != nil:
		s.note("node %d is no candidate: %v", e.Node, e.Err)
	case s.SystemID != "" && e.Found.SystemID != s.SystemID:
		s.note("node %d is no candidate: it belongs to another cluster", e.Node)
	case len(s.Nodes[e.Node].lacksToLead()) > 0:
		s.note("node %d is no candidate: %s", e.Node, s.problem(s.Nodes[e.Node].lacksToLead()))
	default:
		s.Op.Found = append(s.Op.Found, Candidate{e.Node, e.Found})
	}
	if len(s.Op.Pending) > 0 {
		return
	}
	best, err := s.choose()
	if err != nil {
		s.abort(err)
		return
	}
	s.Op.To, s.Op.Phase = best.Node, PhaseCatchup
	s.progress("failover: node %d has the most log, up to %s", best.Node, best.Received)
	s.do(Action{Kind: AwaitReplay, Node: best.Node, LSN: best.Received, Torn: true})
}

// caughtUp: the candidate's log ends at what it replayed; all beyond is lost. A
// candidate that did not even report that cannot take over, not even by force.
func (s *stepper) caughtUp(e Done) {
	end := e.Found.Replayed
	if e.Err != nil && (!s.Op.Force || end == 0) {
		s.abort(e.Err)
		return
	}
	s.Op.Reached = end
	unsure := s.Op.Kind == OpFailover || s.Op.Failed != nil
	if unsure && s.canStop(s.Op.From) {
		s.Op.Phase = PhaseFence
		s.do(Action{Kind: Fence, Node: s.Op.From})
		return
	}
	s.raiseEpoch()
}

func (s *stepper) canStop(id cluster.NodeID) bool {
	return id != cluster.NoNode && s.Nodes[id].Access.Machine()
}

// fenced: when the primary is gone, a machine that cannot be reached is as one
// without access. It is most likely off, and a primary that comes back is not used.
// One that somebody has stopped in order tells where its log ends.
func (s *stepper) fenced(e Done) {
	if s.Op.Kind == OpFailover && errors.Is(e.Err, host.ErrUnreachable) {
		s.progress("nobody can see to it that node %d, the primary that was, has ended: %v", s.Op.From, e.Err)
		e.Err = nil
	}
	if e.Err != nil {
		s.abort(fmt.Errorf("the old primary may still run: %w", e.Err))
		return
	}
	if s.undone() {
		return
	}
	if end := e.Found.Received; end > 0 && end >= s.Nodes[s.Op.From].Last.Received {
		s.Op.End = end
	}
	s.raiseEpoch()
}
