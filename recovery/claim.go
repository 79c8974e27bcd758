package recovery

import (
	"fmt"

	"github.com/pgherd/pgherd/internal/cluster"
)

// A node whose files are being copied must keep its server and its directory: it is not
// recovered meanwhile, and one that is being recovered is not copied.

// copiers are the nodes whose jobs copy from node, or were to when they began.
func (e *Engine) copiers(node cluster.NodeID) (nodes []cluster.NodeID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.board.Current().Nodes {
		if j := e.running[n.ID]; j != nil && j.copies() == node {
			nodes = append(nodes, n.ID)
		}
	}
	return nodes
}

// commit has the other jobs know what the preflight has decided, unless what it has
// looked at has changed meanwhile.
func (e *Engine) commit(j *job, p prepared) error {
	if found := e.claim(j, p); len(found) > 0 {
		return &RefusedError{p.node.ID, found}
	}
	if e.board.Current().Primary != p.source.ID {
		return fmt.Errorf("recover node %d: %w", p.node.ID, ErrPrimaryChanged)
	}
	return nil
}

// claim lets the first of two jobs have a node that the second is to copy or to recover.
func (e *Engine) claim(j *job, p prepared) []Obstacle {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, other := range e.running {
		copied := other.copies()
		switch {
		case other == j || copied == cluster.NoNode:
		case copied == p.node.ID:
			return beingCopied(p.node.ID, id)
		case id == p.origin.ID:
			return one(fmt.Sprintf("node %d, the source, is being recovered", id), "name another standby, or none for the primary")
		}
	}
	j.plan(p.procedure, p.source.ID, p.origin.ID)
	return nil
}

func beingCopied(node, copier cluster.NodeID) []Obstacle {
	return one(fmt.Sprintf("node %d is being copied, for the recovery of node %d", node, copier),
		fmt.Sprintf("wait until that has ended (SHOW POOL_RECOVERY), or end it by KILL RECOVERY %d", copier))
}
