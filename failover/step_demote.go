package failover

import (
	"fmt"

	"github.com/pgherd/pgherd/internal/cluster"
)

// demotes reports whether the operation leaves the old primary running, because
// pgherd has no way to stop it: a switchover from a node whose access is none.
func (s *stepper) demotes() bool {
	return s.Op.Kind == OpSwitchover && s.unstoppable(s.Op.From)
}

func (s *stepper) unstoppable(id cluster.NodeID) bool {
	return id != cluster.NoNode && !s.Nodes[id].Access.Stops()
}

// still stops the receivers of all standbys but the candidate's. The old primary
// goes on writing log of its own (vacuum, checkpoints): a standby with more of that
// than the candidate could not follow it. The intent in the journal is record enough.
func (s *stepper) still() {
	s.Op.Phase = PhaseFreeze
	var ids []cluster.NodeID
	for _, n := range s.candidates() {
		if n.ID != s.Op.To {
			ids, n.Astray = append(ids, n.ID), true
		}
	}
	s.Nodes[s.Op.From].Demoted = true
	if len(ids) == 0 {
		s.demote()
		return
	}
	s.Op.Halted = ids
	s.progress("switchover: stopping the receivers of nodes %v", ids)
	for _, id := range ids {
		s.do(Action{Kind: Freeze, Node: id})
	}
}

func (s *stepper) demote() {
	s.Op.Phase = PhaseStop
	s.progress("switchover: node %d cannot be stopped (its access is none): making it read-only and ending its sessions", s.Op.From)
	s.do(Action{Kind: Demote, Node: s.Op.From})
}

// leaveOld tells what a demotion does not guarantee. Pgherd does not write to the
// old primary whatever happens; others may.
func (s *stepper) leaveOld(n *NodeView) {
	s.set(n.ID, cluster.Down, fmt.Sprintf("was the primary until epoch %d and still runs, read-only by default: %s", s.Epoch, remedy(n)))
	s.progress("warning: node %d still runs, and read-only is its default only: a client that goes around pgherd and asks for it "+
		"can write there, as can background workers, and that is lost; %s", n.ID, remedy(n))
}

// remedy is how n becomes a standby of the primary again.
func remedy(n *NodeView) string {
	switch n.Access {
	case cluster.AccessNone:
		return "stop it, make a standby of it with pg_rewind or pg_basebackup, and start it; it is used when it streams"
	case cluster.AccessSQL:
		return fmt.Sprintf("stop it, there by SELECT pgpool_pgctl('stop', 'fast'), and RECOVER NODE %d", n.ID)
	}
	return fmt.Sprintf("RECOVER NODE %d", n.ID)
}
