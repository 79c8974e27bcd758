package failover

import (
	"fmt"

	"github.com/pgherd/pgherd/internal/cluster"
)

func (s *stepper) beginSwitchover(o Operation) {
	o.Kind, o.From, o.Phase = OpSwitchover, s.Primary, PhaseIntent
	s.begin(o)
	s.progress("switchover from node %d to node %d: checkpoint", o.From, o.To)
	s.journal(PhaseIntent)
}

// intended: the checkpoint comes before writes are held, because it may take
// long and only serves to make the one at shutdown short.
func (s *stepper) intended(e Done) {
	switch {
	case e.Err != nil:
		s.abort(e.Err)
	case s.undone():
	case s.Op.Kind == OpFailover:
		s.freeze()
	default:
		s.Op.Phase = PhaseCheckpoint
		s.do(Action{Kind: Checkpoint, Node: s.Op.From, To: s.Op.To, Host: s.Nodes[s.Op.From].Access.Stops()})
	}
}

func (s *stepper) checkpointed(e Done) {
	if e.Err != nil && !s.Op.Force {
		s.abort(e.Err)
		return
	}
	s.Op.Phase = PhaseQuiesce
	s.progress("switchover: holding writes, waiting for sessions")
	s.do(Action{Kind: Quiesce, Node: s.Op.From})
}

// quiesced goes on in any case: the shutdown, or the demotion, ends the sessions that are left.
func (s *stepper) quiesced(e Done) {
	if e.Err != nil {
		s.note("sessions still use node %d and will be terminated: %v", s.Op.From, e.Err)
	}
	if s.demotes() {
		s.still()
		return
	}
	s.Op.Phase = PhaseStop
	s.progress("switchover: stopping node %d", s.Op.From)
	s.do(Action{Kind: Stop, Node: s.Op.From, To: s.Op.To, Force: s.Op.Force})
}

// stopped: the node shuts down in order, so its log has an end that the
// candidate must reach.
func (s *stepper) stopped(e Done) {
	s.Op.End = e.Found.Received
	if s.undone() {
		return
	}
	switch {
	case e.Err != nil && !s.Op.Force:
		s.abort(e.Err)
		return
	case e.Err != nil:
		s.note("node %d did not stop in order, log may be lost: %v", s.Op.From, e.Err)
		s.Op.Failed, s.Op.End = e.Err, cluster.MaxLSN
	}
	s.Op.Phase = PhaseCatchup
	s.progress("switchover: node %d must replay up to %s", s.Op.To, s.Op.End)
	s.do(Action{Kind: AwaitReplay, Node: s.Op.To, LSN: s.Op.End, Torn: s.Op.Force})
}

// restart undoes a switchover: nobody was promoted, the old primary goes on.
func (s *stepper) restart(cause error) {
	s.Op.Phase, s.Op.Failed, s.Op.Pending = PhaseRestart, cause, nil
	if n := s.Nodes[s.Op.From]; n.Demoted && n.Access != cluster.AccessSQL {
		s.progress("switchover failed (%v): making node %d writable again", cause, s.Op.From)
		s.do(Action{Kind: Reopen, Node: s.Op.From})
		s.release()
		return
	}
	s.progress("switchover failed (%v): starting node %d again", cause, s.Op.From)
	s.do(Action{Kind: Start, Node: s.Op.From, To: s.Op.To})
}

func (s *stepper) restarted(e Done) {
	cause := s.Op.Failed
	n := &s.Nodes[s.Op.From]
	n.Demoted = e.Err != nil && (n.Demoted || n.Access == cluster.AccessSQL)
	if e.Err != nil {
		s.RetryAt = s.now.Add(retryOperation)
		cause = fmt.Errorf("%w; and node %d could not be made to take writes again: %w", cause, n.ID, e.Err)
	} else {
		s.answered(n.ID, cluster.Primary)
		s.set(n.ID, cluster.Up, "")
	}
	s.end(cause)
}
