package failover

import (
	"fmt"

	"github.com/pgherd/pgherd/internal/cluster"
)

func (s *stepper) requested(e Requested) {
	if e.Kind == RequestJoin {
		s.reply(e.Number, s.join(e.Nodes))
		return
	}
	if e.Node < 0 || int(e.Node) >= len(s.Nodes) {
		s.reply(e.Number, refuse(fmt.Sprintf("Nodes are numbered from 0 to %d.", len(s.Nodes)-1), "there is no node %d", e.Node))
		return
	}
	n := &s.Nodes[e.Node]
	if e.Kind == RequestDrain || e.Kind == RequestDrained {
		s.drain(n, e.Kind)
		s.reply(e.Number, nil)
		return
	}
	if s.Op != nil && e.Kind != RequestRecovered && (e.Kind != RequestDetach || s.Op.owns(n.ID)) {
		s.reply(e.Number, errBusy)
		return
	}
	switch e.Kind {
	case RequestPromote:
		s.requestPromote(e, n)
	case RequestAttach:
		s.reply(e.Number, s.attach(n))
	case RequestDetach:
		s.reply(e.Number, s.detach(n))
	case RequestRecover:
		s.reply(e.Number, s.beginRecovery(n))
	case RequestRecovered:
		s.endRecovery(n, e.Err)
		s.reply(e.Number, nil)
	}
}

func (s *stepper) attach(n *NodeView) error {
	if n.Status == cluster.Recovering {
		return refuseRecovering(n.ID)
	}
	if n.Last.Outcome != Alive {
		return refuse(fmt.Sprintf("Start it, or RECOVER NODE %d.", n.ID), "cannot attach node %d: it does not answer (%s)", n.ID, n.Last.trouble()).mayPass(n)
	}
	was := n.Detached
	n.Detached = false
	switch {
	case s.Primary == cluster.NoNode, n.ID != s.Primary && n.Last.Receiver.Streams(s.Nodes[s.Primary].Node) && !s.foreign(n):
		s.set(n.ID, cluster.Waiting, "") // no matter what auto_failback says
	}
	if s.Primary != cluster.NoNode {
		s.judge(n)
	}
	if s.left(n) {
		s.set(n.ID, cluster.Down, fmt.Sprintf("is to follow node %d, and is used when it streams", s.Primary))
		s.save()
		s.fetch(n)
		return nil
	}
	if !n.Status.Serves() {
		n.Detached = was
		return refuse(fmt.Sprintf("RECOVER NODE %d turns it into a standby of the primary.", n.ID), "cannot attach node %d: %s", n.ID, n.Reason).mayPass(n)
	}
	s.save()
	return nil
}

// left reports whether n is out of service only because a change of the primary has
// left it behind.
func (s *stepper) left(n *NodeView) bool {
	return n.Astray && !n.Status.Serves() && n.follows() && !s.foreign(n) && s.reigning() != cluster.NoNode
}

func (s *stepper) detach(n *NodeView) error {
	switch {
	case n.ID == s.Primary:
		return refuse("PROMOTE another node first.", "cannot detach node %d: it is the primary", n.ID)
	case n.Status == cluster.Recovering:
		return refuseRecovering(n.ID)
	case n.Flag != cluster.AllowToFailover:
		return refuse("Change its flag and restart pgherd first.", "cannot detach node %d: its flag is %s", n.ID, n.Flag)
	}
	n.Detached = true
	s.set(n.ID, cluster.Down, reasonDetached)
	s.save()
	return nil
}

// drain counts, because several commands may wait for the same node.
func (s *stepper) drain(n *NodeView, k RequestKind) {
	if k == RequestDrain {
		n.Drains++
	} else {
		n.Drains--
	}
}

func (s *stepper) beginRecovery(n *NodeView) error {
	switch {
	case n.Status == cluster.Recovering:
		return refuseRecovering(n.ID)
	case s.Primary == cluster.NoNode:
		return refuse("PROMOTE a standby first.", "cannot recover node %d: there is no primary to recover from", n.ID)
	case n.ID == s.Primary:
		return refuse("PROMOTE another node first.", "cannot recover node %d: it is the primary", n.ID)
	}
	s.set(n.ID, cluster.Recovering, "recovery")
	return nil
}

// endRecovery trusts the recovery engine: it saw the node stream and catch up.
func (s *stepper) endRecovery(n *NodeView, err error) {
	if n.Status != cluster.Recovering {
		return
	}
	if err != nil {
		s.set(n.ID, cluster.Down, "recovery failed: "+err.Error())
		return
	}
	n.Detached = false
	s.answered(n.ID, cluster.Standby)
	s.set(n.ID, cluster.Up, "")
	s.save()
}
