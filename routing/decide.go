package routing

import (
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// Need is what a statement asks of a node.
type Need int

const (
	Write Need = iota // the primary
	Read              // any node that is fresh enough
)

// Session is what a session has done, as far as it matters for routing.
type Session struct {
	Consistency config.Consistency
	Token       cluster.Token  // positions behind it were not seen
	Epoch       cluster.Epoch  // of the last observation
	Since       time.Time      // of an observation whose position is not known yet; zero for none
	Wrote       bool           // that observation was a write of its own
	Standby     cluster.NodeID // where its reads stay; NoNode for nowhere yet
}

// NewSession has seen nothing.
func NewSession(c config.Consistency) Session {
	return Session{Consistency: c, Standby: cluster.NoNode}
}

// Observe notes that the session has seen the primary's state of time at, or
// has written.
func (s *Session) Observe(at time.Time, epoch cluster.Epoch, wrote bool) {
	pending := s.Wrote && !s.Since.IsZero()
	if !pending { // else the older write decides what must survive
		s.Epoch = epoch
	}
	s.Wrote, s.Since = wrote || pending, at
}

// Forgive starts anew after the client has been told of a loss.
func (s *Session) Forgive(epoch cluster.Epoch) {
	s.Token, s.Since, s.Wrote, s.Epoch = cluster.Token{Epoch: epoch}, time.Time{}, false, epoch
}

// Input is what Decide looks at beside the session.
type Input struct {
	Need      Need
	Board     *cluster.Board
	LastWrite time.Time     // the newest write acknowledged to anybody; for global
	Now       time.Time     // for leaving a standby
	Patience  time.Duration // the longest wait that is worth it; 0 = none
	Roll      uint32        // a random number
}

// Decide chooses the node. The rules stand in the order in which they apply.
func Decide(in Input, s *Session) Route {
	snap := in.Board.Current()
	switch {
	case in.Need == Write && snap.Writable() == cluster.NoNode:
		return Route{cluster.NoNode, Held, false}
	case in.Need == Write:
		return Route{snap.Primary, Writes, false}
	case s.Consistency == config.ConsistencyEventual:
		return anyStandby(in, snap, s, 0)
	case !s.survived(snap):
		return Route{cluster.NoNode, WritesLost, false}
	}
	if s.Consistency == config.ConsistencyGlobal && in.LastWrite.After(s.Since) {
		s.Observe(in.LastWrite, snap.Epoch, false)
	}
	s.resolve(in.Board, snap)
	if !s.Since.IsZero() {
		return onPrimary(in, snap, Unresolved)
	}
	return anyStandby(in, snap, s, s.Token.LSN)
}

// survived carries the session's history into the present epoch. It is false
// when that can't be done without showing it an older state.
func (s *Session) survived(snap *cluster.Snapshot) bool {
	if s.Epoch == snap.Epoch && s.Token.Epoch == snap.Epoch {
		return true
	}
	token, ok := snap.Survives(s.Token)
	if !ok {
		return false
	}
	if !s.Since.IsZero() {
		if _, ok := snap.Survives(cluster.Token{Epoch: s.Epoch, LSN: cluster.MaxLSN}); s.Wrote && !ok {
			return false
		}
	}
	s.Token, s.Epoch = token, snap.Epoch
	return true
}

// resolve turns the time of the last observation into a position, once a poll
// of the primary has begun after it.
func (s *Session) resolve(b *cluster.Board, snap *cluster.Snapshot) {
	if s.Since.IsZero() || snap.Primary == cluster.NoNode {
		return
	}
	poll := b.Position(snap.Primary).Load()
	if poll.Epoch == snap.Epoch && poll.Began.After(s.Since) {
		s.Token = cluster.Token{Epoch: snap.Epoch, LSN: max(poll.LSN, s.Token.LSN)}
		s.Since, s.Wrote = time.Time{}, false
	}
}

// anyStandby chooses among the standbys that have replayed at least lsn.
func anyStandby(in Input, snap *cluster.Snapshot, s *Session, lsn cluster.LSN) Route {
	if s.Standby != cluster.NoNode {
		if fresh(in, snap, s.Standby, lsn) {
			return Route{s.Standby, Kept, false}
		}
		if s.Consistency != config.ConsistencyEventual && !usable(snap, s.Standby) {
			// What it has shown is known to nobody else: take the primary's word from now on.
			s.Standby = cluster.NoNode
			s.Observe(in.Now, snap.Epoch, false)
			return onPrimary(in, snap, Unresolved)
		}
	}
	node := weighted(in, snap, lsn)
	switch {
	case node == cluster.NoNode:
		return onPrimary(in, snap, Behind)
	case s.Standby != cluster.NoNode && s.Consistency != config.ConsistencyEventual:
		s.Standby = cluster.NoNode
		s.Observe(in.Now, snap.Epoch, false)
		return onPrimary(in, snap, Unresolved)
	}
	s.Standby = node
	return Route{node, Balanced, false}
}

// onPrimary sends a read to the primary, for want of a standby.
func onPrimary(in Input, snap *cluster.Snapshot, why Reason) Route {
	hopeful, any := hope(in, snap)
	switch {
	case snap.Writable() == cluster.NoNode:
		return Route{cluster.NoNode, Held, false}
	case !any:
		why = NoStandby
	}
	return Route{snap.Primary, why, hopeful}
}

// hope reports whether some standby is so close behind the primary that waiting
// pays, and whether there is any standby at all.
func hope(in Input, snap *cluster.Snapshot) (hopeful, any bool) {
	for _, n := range snap.Nodes {
		if usable(snap, n.ID) {
			any = true
			sample := in.Board.Position(n.ID).Load()
			hopeful = hopeful || (sample.Epoch == snap.Epoch && sample.Lag < in.Patience)
		}
	}
	return hopeful, any
}

// usable reports whether a node may serve reads, freshness aside.
func usable(snap *cluster.Snapshot, id cluster.NodeID) bool {
	n := &snap.Nodes[id]
	return n.Role == cluster.Standby && n.Status.Serves() && n.Weight > 0
}

func fresh(in Input, snap *cluster.Snapshot, id cluster.NodeID, lsn cluster.LSN) bool {
	if !usable(snap, id) {
		return false
	}
	sample := in.Board.Position(id).Load()
	return lsn == 0 || (sample.Epoch == snap.Epoch && sample.LSN >= lsn)
}

// weighted picks a fresh standby by weight; NoNode when there is none.
func weighted(in Input, snap *cluster.Snapshot, lsn cluster.LSN) cluster.NodeID {
	total := 0.0
	for _, n := range snap.Nodes {
		if fresh(in, snap, n.ID, lsn) {
			total += n.Weight
		}
	}
	point := total * float64(in.Roll) / (1 << 32)
	for _, n := range snap.Nodes {
		if !fresh(in, snap, n.ID, lsn) {
			continue
		}
		if point -= n.Weight; point < 0 {
			return n.ID
		}
	}
	return cluster.NoNode
}
