package failover

import (
	"errors"
	"fmt"

	"github.com/pgherd/pgherd/internal/cluster"
)

// done takes the result of an action; late ones of earlier operations and of
// actions nobody waits for are dropped.
func (s *stepper) done(e Done) {
	if s.Op == nil || s.Op.ID != e.Op || !s.Op.finish(Task{e.Kind, e.Node}) {
		return
	}
	switch s.Op.Phase {
	case PhaseIntent:
		s.intended(e)
	case PhaseCheckpoint:
		s.checkpointed(e)
	case PhaseQuiesce:
		s.quiesced(e)
	case PhaseStop:
		s.stopped(e)
	case PhaseFreeze:
		s.frozen(e)
	case PhaseCollect:
		s.collected(e)
	case PhaseCatchup:
		s.caughtUp(e)
	case PhaseFence:
		s.fenced(e)
	case PhaseRestart:
		s.restarted(e)
	case PhaseEpoch:
		s.epochRaised(e)
	case PhasePromote:
		s.promoted(e)
	case PhaseRejoin:
		s.rejoined(e)
	}
}

// raiseEpoch is the turning point: once the record is written there is only
// forward.
func (s *stepper) raiseEpoch() {
	w := cluster.Switch{LSN: s.Op.Reached, Complete: s.Op.complete(), By: s.cause(string(s.Op.Kind), s.Op.From, s.Op.To)}
	s.tellLoss(w)
	s.Op.Phase, s.Op.Next = PhaseEpoch, s.nextRecord(w)
	s.do(Action{Kind: Save, Record: &s.Op.Next})
}

func (s *stepper) epochRaised(e Done) {
	if e.Err != nil {
		s.abort(e.Err)
		return
	}
	r := s.Op.Next
	s.Epoch, s.Primary, s.Switches, s.Journal, s.Promised = r.Epoch, r.Primary, r.Switches, r.Journal, r.Promised
	s.promote()
}

func (s *stepper) promote() {
	s.Op.Phase = PhasePromote
	s.progress("promoting node %d", s.Op.To)
	s.do(Action{Kind: PromoteNode, Node: s.Op.To})
}

// promoted: an error leaves open whether the node leaves recovery yet. The
// journal stays, so that settle tries again, or fails over when it is dead.
func (s *stepper) promoted(e Done) {
	if e.Err == nil {
		n := &s.Nodes[s.Op.To]
		n.Last.Timeline, n.Demoted = e.Found.Timeline, false // it has taken a demotion back
		s.open()
		return
	}
	s.RetryAt = s.now.Add(retryOperation)
	s.reply(s.Op.Request, s.failure(e.Err))
	s.note("promotion of node %d failed: %v", s.Op.To, e.Err)
	s.Op = nil
}

// open lets writes through to the new primary and has the others follow it.
// The checkpoint is not waited for: it is for pg_rewind's sake.
func (s *stepper) open() {
	op := s.Op
	op.Phase, op.Pending, s.Promised = PhaseRejoin, nil, false
	s.answered(op.To, cluster.Primary)
	s.Nodes[op.To].Astray = false
	s.Sync, s.Seen, s.Barrier = crowned(s.Sync, op.To), cluster.Synchronous{}, 0
	s.set(op.To, cluster.Up, "")
	s.progress("node %d is the primary in epoch %d", op.To, s.Epoch)
	s.Journal = s.entry(PhaseRejoin)
	s.save()
	s.emit(Action{Kind: Checkpoint, Node: op.To})
	if old := s.Nodes[op.To].Conninfo; old != "" && op.From != cluster.NoNode {
		// It has no effect on a primary, and is there when it is a standby again.
		s.emit(Action{Kind: Unfreeze, Node: op.To, To: op.From, Conninfo: old})
	}
	for i := range s.Nodes {
		s.follow(&s.Nodes[i])
	}
	if len(op.Pending) == 0 {
		s.end(nil)
	}
}

// follow makes n follow the new primary, when n is fit for it.
func (s *stepper) follow(n *NodeView) {
	op := s.Op
	n.Astray = n.ID != op.To // until it streams
	switch {
	case n.ID == op.To || n.Detached || n.Status == cluster.Recovering:
	case n.ID == op.From && s.demotes():
		s.leaveOld(n)
	case n.ID == op.From && !n.follows():
		s.rejoinOld(n)
	case n.follows() && !s.foreign(n):
		s.do(Action{Kind: Repoint, Node: n.ID, To: op.To, Conninfo: n.Conninfo})
	case n.Status.Serves():
		s.set(n.ID, cluster.Down, fmt.Sprintf("did not answer when node %d became the primary", op.To))
	}
}

// rejoinOld: an old primary that stopped in order and whose log is all on the
// new one may simply follow it. Any other needs recovery.
func (s *stepper) rejoinOld(n *NodeView) {
	complete := len(s.Switches) > 0 && s.Switches[len(s.Switches)-1].Complete
	if s.Op.Kind != OpSwitchover || !complete {
		s.set(n.ID, cluster.Down, fmt.Sprintf("was the primary until epoch %d: RECOVER NODE %d", s.Epoch, n.ID))
		return
	}
	s.set(n.ID, cluster.Down, "is being started as a standby")
	s.do(Action{Kind: Rejoin, Node: n.ID, To: s.Op.To})
}

// rejoined: when a node could not follow, the reason may be the new primary's, so that
// is asked before anybody is told that it leads.
func (s *stepper) rejoined(e Done) {
	if e.Kind == Collect {
		if e.Err != nil {
			e.Err = diedSince(e.Node, e.Err)
		}
		s.end(e.Err)
		return
	}
	if e.Err != nil {
		s.Op.Doubted = true
		why := s.straggles(&s.Nodes[e.Node])
		s.set(e.Node, cluster.Down, why)
		s.progress("warning: node %d does not follow node %d: %v; it %s", e.Node, s.Op.To, e.Err, why)
	} else {
		s.answered(e.Node, cluster.Standby)
		s.Nodes[e.Node].Astray = false
		s.set(e.Node, cluster.Up, "")
		s.progress("node %d follows node %d", e.Node, s.Op.To)
		s.emit(Action{Kind: Probe, Node: s.Op.To}) // for its view of the follower
	}
	switch {
	case len(s.Op.Pending) > 0:
	case s.Op.Doubted:
		s.do(Action{Kind: Collect, Node: s.Op.To})
	default:
		s.end(nil)
	}
}

// diedSince is why a promotion has failed that had succeeded.
func diedSince(id cluster.NodeID, err error) error {
	return fmt.Errorf("node %d was promoted, and has died since: %w", id, err)
}

// straggles is why n does not follow the new primary. PostgreSQL starts a new
// receiver only when the delay of the next record is over.
func (s *stepper) straggles(n *NodeView) string {
	if n.Last.Delay > 0 {
		return fmt.Sprintf("follows node %d when its delay is over (recovery_min_apply_delay = %gs)", s.Op.To, n.Last.Delay.Seconds())
	}
	if n.Access == cluster.AccessSQL {
		return fmt.Sprintf("could not be started, or could not follow node %d: start its server, which comes up as a standby and follows; or RECOVER NODE %d", s.Op.To, n.ID)
	}
	return fmt.Sprintf("could not follow node %d: RECOVER NODE %d", s.Op.To, n.ID)
}

// answered notes that an action found node alive in a new role: reports that
// began before are out of date. That it streams or led before shows that it is
// of this cluster.
func (s *stepper) answered(node cluster.NodeID, role cluster.Role) {
	n := &s.Nodes[node]
	n.NotBefore, n.Failures = s.now, 0
	n.Last.Outcome, n.Last.Role, n.Last.Detail = Alive, role, ""
	n.Last.Receiver, n.Last.Began, n.Last.SystemID = Receiver{}, s.now, s.SystemID
	if role == cluster.Standby {
		p := s.Nodes[s.Primary]
		n.Last.Receiver = Receiver{Status: "streaming", Host: p.Host, Port: p.Port}
	}
}

// abort gives the operation up before its turning point.
func (s *stepper) abort(cause error) {
	op := s.Op
	if op.Kind == OpSwitchover && op.Phase >= PhaseStop && op.Phase != PhaseRestart {
		s.restart(cause)
		return
	}
	s.release()
	if op.Kind == OpFailover && op.From != cluster.NoNode {
		s.set(op.From, cluster.Quarantine, "failover was given up: "+withHint(cause))
		s.RetryAt = s.now.Add(retryOperation)
	}
	s.end(cause)
}

// release lets the standbys whose receivers were stopped follow again.
func (s *stepper) release() {
	for _, id := range s.Op.Halted {
		if s.Op.From != cluster.NoNode {
			s.emit(Action{Kind: Unfreeze, Node: id, To: s.Op.From, Conninfo: s.Nodes[id].Conninfo})
		}
	}
}

// end closes the operation and its journal.
func (s *stepper) end(err error) {
	op := s.Op
	if err != nil {
		s.note("%s given up: %s", op.Kind, withHint(err))
		err = s.failure(err)
	}
	s.Op, s.Journal = nil, nil
	s.save()
	s.reply(op.Request, err)
}

// failure is what the caller hears. What names its own remedy stays as it is.
func (s *stepper) failure(err error) error {
	if errors.As(err, new(*RefusedError)) {
		return err
	}
	left := s.Op.From
	if s.Epoch != 0 && s.Primary != left || left != cluster.NoNode && (!s.Nodes[left].Status.Serves() || s.Nodes[left].Last.Outcome != Alive) {
		left = cluster.NoNode
	}
	return &FailedError{Kind: s.Op.Kind, To: s.Op.To, Primary: left, Err: err}
}
