package routing

import (
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// primaryShare reports whether the read, or the session, is one of those that the
// primary serves by its weight. What is left of the roll is for the standbys.
func (r *reading) primaryShare() bool {
	if !r.sharesWithPrimary() {
		return false
	}
	home := &r.session.Standby
	if *home != cluster.NoNode && !r.Policy.StatementLevel {
		return *home == r.snap.Primary
	}
	if !r.primaryDrawn() {
		return false
	}
	if !r.Policy.StatementLevel {
		*home = r.snap.Primary
	}
	return true
}

// sharesWithPrimary reports whether the primary is one of the nodes to choose from.
func (r *reading) sharesWithPrimary() bool {
	switch {
	case !r.Policy.PrimaryByWeight || r.snap.Writable() == cluster.NoNode:
		return false
	case r.wish.Target == config.TargetStandby || r.wish.Target == config.TargetNode || !r.wish.admits(&r.snap.Nodes[r.snap.Primary]):
		return false
	}
	return true
}

// primaryDrawn draws between the primary and all standbys that are in use.
func (r *reading) primaryDrawn() bool {
	mine := r.snap.Nodes[r.snap.Primary].Weight
	total := mine
	for i := range r.snap.Nodes {
		if n := &r.snap.Nodes[i]; n.ID != r.snap.Primary && inUse(n) && r.wish.admits(n) {
			total += n.Weight
		}
	}
	const all = 1 << 32
	point := total * float64(r.Roll) / all
	if point < mine {
		return true
	}
	if total > mine {
		r.Roll = uint32((point - mine) / (total - mine) * (all - 1))
	}
	return false
}

// draw picks a standby that may serve the read, by weight or delay; NoNode when
// there is none.
func (r *reading) draw() cluster.NodeID {
	least := cluster.LSN(0)
	if r.Policy.Delay.Lowest {
		least = r.furthest()
	}
	total, last := 0.0, cluster.NoNode
	for i := range r.snap.Nodes {
		if n := &r.snap.Nodes[i]; r.mayDraw(n.ID, least) {
			total, last = total+n.Weight, n.ID
		}
	}
	point := total * float64(r.Roll) / (1 << 32)
	for i := range r.snap.Nodes {
		n := &r.snap.Nodes[i]
		if !r.mayDraw(n.ID, least) {
			continue
		}
		if point -= n.Weight; point < 0 {
			return n.ID
		}
	}
	return last // it was named and has no weight
}

func (r *reading) mayDraw(id cluster.NodeID, least cluster.LSN) bool {
	return r.verdict(id) == Eligible && (least == 0 || r.replayed(id) >= least)
}

// furthest is how far the standby is that is least behind.
func (r *reading) furthest() (most cluster.LSN) {
	for i := range r.snap.Nodes {
		if id := r.snap.Nodes[i].ID; r.verdict(id) == Eligible {
			most = max(most, r.replayed(id))
		}
	}
	return most
}

func (r *reading) replayed(id cluster.NodeID) cluster.LSN {
	sample := r.Board.Position(id).Load()
	if sample.Epoch != r.snap.Epoch {
		return 0
	}
	return sample.LSN
}
