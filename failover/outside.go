package failover

import (
	"fmt"
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
)

// successor is the node that somebody else has promoted and had every standby follow
// that may take over, or NoNode. To promote one of these would make another primary
// beside it, of less log.
func (s *stepper) successor() cluster.NodeID {
	standbys := s.candidates()
	if len(standbys) == 0 {
		return cluster.NoNode
	}
	for _, n := range s.Nodes {
		elsewhere := func(standby *NodeView) bool { return !standby.Last.Receiver.Streams(n.Node) }
		if s.raised(&n) && !n.Detached && !slices.ContainsFunc(standbys, elsewhere) {
			return n.ID
		}
	}
	return cluster.NoNode
}

// raised reports whether n is a node of this cluster that somebody else has promoted.
func (s *stepper) raised(n *NodeView) bool {
	return n.ID != s.Primary && n.claims() && !n.Demoted && !s.foreign(n)
}

// usurps reports whether n is a node that somebody else has promoted, where the
// primary that pgherd knows is dead: nobody but a human can say that it counts.
func (s *stepper) usurps(n *NodeView) bool {
	return s.Primary != cluster.NoNode && s.Nodes[s.Primary].dead(s.Config, s.now) && s.raised(n)
}

// succeed takes the successor of a dead primary for the primary, as it is. How much
// of the old one's log it has is not known.
func (s *stepper) succeed(heir cluster.NodeID) {
	old := &s.Nodes[s.Primary]
	s.endEpoch(cluster.Switch{By: s.cause("outside", old.ID, heir)})
	s.set(old.ID, cluster.Down, fmt.Sprintf("was the primary until epoch %d: %s", s.Epoch, remedy(old)))
	s.Primary, s.Promised, s.Told = heir, false, ""
	s.Nodes[heir].Detached = false
	s.adopt(heir)
}
