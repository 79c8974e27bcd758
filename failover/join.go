package failover

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Join takes nodes in behind those that there are; each has the next number. They are down
// until they are attached or recovered, or are seen to stream. Refused while the primary
// changes, and while no node is reached.
func (e *Engine) Join(ctx context.Context, nodes []cluster.Node) error {
	return e.request(ctx, Requested{Kind: RequestJoin, Nodes: nodes}, nil)
}

const reasonJoined = "is new, and was not seen to stream yet: RECOVER NODE %d"

func (s *stepper) join(nodes []cluster.Node) error {
	switch {
	case s.Op != nil:
		return refuse("Try again when it is done; SHOW POOL_NODES tells.", "cannot add nodes while the primary is being changed")
	case s.alone(): // somebody who was not asked yet must not make it look otherwise
		return refuse("Try again when one answers; SHOW POOL_NODES tells.", "cannot add nodes: none of those that there are answers")
	}
	s.addresses = slices.Concat(s.addresses, cluster.Addresses(nodes))
	for _, n := range nodes {
		s.Nodes = append(s.Nodes, NodeView{Node: n, Status: cluster.Down, Since: s.now, Reason: fmt.Sprintf(reasonJoined, n.ID)})
		s.emit(Action{Kind: Watch, Node: n.ID})
	}
	return nil // the record has their addresses with the next save; until then it says nothing of them
}

// watch has a node probed and its position polled until ctx ends. The board has it already.
func (e *Engine) watch(ctx context.Context, group *sync.WaitGroup, n cluster.Node) {
	m, p := newMonitor(n, e.config, e.probed, e.lost), e.positions.add(n, e.config, e.log)
	e.monitors[n.ID].Store(m)
	group.Go(func() { m.run(ctx) })
	group.Go(func() { p.run(ctx) })
}

// monitor is nil for a node that is not watched yet.
func (e *Engine) monitor(node cluster.NodeID) *monitor {
	if node < 0 || int(node) >= len(e.monitors) {
		return nil
	}
	return e.monitors[node].Load()
}
