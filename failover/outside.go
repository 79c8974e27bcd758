package failover

import (
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
)

// successor is the node that somebody else has promoted and had every standby follow
// that may take over, or NoNode. To promote one of these would make another primary
// beside it, of less log.
func (s *stepper) successor() cluster.NodeID {
	standbys := s.candidates()
	for _, n := range s.Nodes {
		if n.ID == s.Primary || !n.claims() || n.Detached || n.Demoted || s.foreign(&n) {
			continue
		}
		elsewhere := func(standby *NodeView) bool { return !standby.Last.Receiver.Streams(n.Node) }
		if len(standbys) > 0 && !slices.ContainsFunc(standbys, elsewhere) {
			return n.ID
		}
	}
	return cluster.NoNode
}

// succeed takes the successor of a dead primary for the primary. How much of the old
// one's log it has is not known.
func (s *stepper) succeed(old *NodeView, heir cluster.NodeID) {
	s.note("node %d is gone, and the standbys follow node %d, which somebody else promoted", old.ID, heir)
	s.endEpoch(cluster.Switch{By: s.cause("outside", old.ID, heir)})
	s.Primary, s.Promised, s.Told = heir, false, ""
	s.adopt(heir)
}
