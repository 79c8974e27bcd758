package failover

import (
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
)

// journal writes the operation's entry; its Done is awaited.
func (s *stepper) journal(p Phase) {
	s.Op.Phase = p
	s.Journal = s.entry(p)
	r := s.record()
	s.do(Action{Kind: Save, Record: &r})
}

func (s *stepper) entry(p Phase) *cluster.Entry {
	return &cluster.Entry{Kind: string(s.Op.Kind), From: s.Op.From, To: s.Op.To, Phase: p.String(), Since: s.now}
}

// nextRecord is what the store holds once the candidate may be promoted.
func (s *stepper) nextRecord(w cluster.Switch) cluster.Record {
	next := stepper{State: s.State.clone(), now: s.now}
	next.endEpoch(w)
	next.Primary, next.Promised, next.Journal = s.Op.To, true, s.entry(PhasePromote)
	return next.record()
}

// resume finishes or undoes what the journal of an earlier run left open.
func (s *stepper) resume() {
	j := s.Journal
	if j == nil || !s.known(j.From) || !s.known(j.To) {
		s.Journal = nil // none, or of another configuration
		return
	}
	s.note("found an unfinished %s from node %d to %d in phase %s", j.Kind, j.From, j.To, j.Phase)
	switch {
	case j.Phase == PhaseIntent.String():
		s.undo(j)
	case j.To == s.Primary && s.Nodes[j.To].claims():
		s.rejoinAgain()
	}
	// A candidate still in recovery is settle's: primaryInRecovery.
}

func (s *stepper) known(id cluster.NodeID) bool {
	return id >= cluster.NoNode && int(id) < len(s.Nodes)
}

// undo makes the old primary run again. Standbys that were stopped are fetch's
// business, a demotion is settle's.
func (s *stepper) undo(j *cluster.Entry) {
	s.Journal = nil
	if j.From == cluster.NoNode || OpKind(j.Kind) != OpSwitchover {
		s.save()
		return
	}
	from := &s.Nodes[j.From]
	switch {
	case s.unstoppable(j.From):
		s.mayBeDemoted(from)
	case from.Last.Outcome != Alive || s.marked(from):
		s.begin(Operation{Kind: OpSwitchover, From: j.From, To: j.To})
		s.restart(errInterrupted)
		return
	}
	s.save()
}

// marked reports whether n, which a switchover by SQL was to stop, may be marked as a
// standby, or have come up as one, while nobody else leads.
func (s *stepper) marked(n *NodeView) bool {
	return n.Access == cluster.AccessSQL && !slices.ContainsFunc(s.Nodes, func(other NodeView) bool {
		return other.ID != n.ID && other.claims() && !s.foreign(&other)
	})
}

// halfway reports whether a switchover from p could not be undone yet, and p is there now.
func (s *stepper) halfway(p *NodeView) bool {
	return p.Demoted && !s.promising(p.ID) && (p.claims() || p.follows() && s.marked(p))
}

// neighbour is a node whose functions could start node id.
func (s *stepper) neighbour(id cluster.NodeID) cluster.NodeID {
	i := slices.IndexFunc(s.Nodes, func(n NodeView) bool { return n.ID != id && n.Last.Outcome == Alive })
	if i < 0 {
		return id
	}
	return s.Nodes[i].ID
}

// mayBeDemoted: of a demotion there is no record but the intent. Standbys that were
// stopped for it have no receiver.
func (s *stepper) mayBeDemoted(p *NodeView) {
	p.Demoted = true
	for i := range s.Nodes {
		n := &s.Nodes[i]
		n.Astray = n.Astray || n.ID != p.ID && n.Last.Receiver.Status == ""
	}
}

// promising reports whether a promotion of node was begun and not seen to end.
func (s *stepper) promising(node cluster.NodeID) bool { return s.Promised && s.Primary == node }

// unfinished is the operation that made the promise. Its journal is gone when a
// failover from the promised node was tried since, and given up.
func (s *stepper) unfinished() Operation {
	if j := s.Journal; j != nil && j.To == s.Primary {
		return Operation{Kind: OpKind(j.Kind), From: j.From, To: j.To}
	}
	return Operation{Kind: OpFailover, From: cluster.NoNode, To: s.Primary}
}

// promoteAgain takes up an operation whose epoch was raised.
func (s *stepper) promoteAgain() {
	s.RetryAt = s.now.Add(retryOperation)
	s.begin(s.unfinished())
	s.promote()
}

// rejoinAgain takes up an operation whose candidate leads already.
func (s *stepper) rejoinAgain() {
	s.begin(s.unfinished())
	s.open()
}

// begin makes o the operation under way.
func (s *stepper) begin(o Operation) {
	s.LastOp++
	o.ID, o.Began = s.LastOp, s.now
	s.Op = &o
}
