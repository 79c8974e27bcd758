package routing

import (
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// reading is the search for the node of one read.
type reading struct {
	*Input
	session *Session
	snap    *cluster.Snapshot
	wish    Wish
	why     Reason      // of the wish
	lsn     cluster.LSN // must be replayed; 0 = nothing must
}

func (r *reading) eventual() bool { return r.session.Consistency == config.ConsistencyEventual }

// primary sends a statement to the primary, or has it wait for one.
func (r *reading) primary(why Reason) Route {
	if r.snap.Writable() == cluster.NoNode {
		return Route{Node: cluster.NoNode, Reason: Held}
	}
	return Route{Node: r.snap.Primary, Reason: why}
}

// wantsPrimary: a preference does not count while there is no primary.
func (r *reading) wantsPrimary() bool {
	wanted := r.wish.Target == config.TargetPrimary || (r.wish.Target == config.TargetNode && r.wish.Node == r.snap.Primary)
	return wanted && (r.why != Preferred || r.snap.Writable() != cluster.NoNode)
}

// possible reports whether the node that is wanted by name is in use.
func (r *reading) possible() bool {
	return r.wish.Target != config.TargetNode || inUse(r.snap.At(r.wish.Node))
}

// inUse reports whether a node may serve reads, freshness and weight aside.
func inUse(n *cluster.NodeState) bool {
	return n.Role == cluster.Standby && n.Status.Serves() && !n.Draining
}

// Verdict says whether a standby may serve a read, or why not.
type Verdict int

const (
	Eligible     Verdict = iota
	IsPrimary            // reads that a standby can serve leave it alone
	OutOfService         // by its status or role
	Weightless           // weight 0
	Unwanted             // a hint, pgherd.route or a preference names others
	CutOff               // it gets nothing from the primary any more
	NotCaughtUp          // it has not replayed what the session must see
	OverDelay            // it is over delay_threshold
	NoRead               // what needs the primary is no standby's
	Elsewhere            // the session keeps a server of another node
)

var verdicts = [...]string{
	Eligible:     "may serve it",
	IsPrimary:    "primary",
	OutOfService: "not in use",
	Weightless:   "weight 0",
	Unwanted:     "not wanted",
	CutOff:       "cut off from the primary",
	NotCaughtUp:  "behind what the session must see",
	OverDelay:    "over the delay threshold",
	NoRead:       "the statement needs the primary",
	Elsewhere:    "the session keeps its server on another node",
}

func (v Verdict) String() string { return verdicts[v] }

// cutOffAfter is how long the primary goes on before a standby that gets nothing
// from it serves nobody, not even those who have seen nothing yet.
const cutOffAfter = time.Second

func (r *reading) verdict(id cluster.NodeID) Verdict {
	n := &r.snap.Nodes[id]
	switch {
	case id == r.snap.Primary:
		return IsPrimary
	case !inUse(n):
		return OutOfService
	case !r.wish.admits(n):
		return Unwanted
	case n.Weight <= 0 && r.wish.Target != config.TargetNode:
		return Weightless
	}
	position := r.Board.Position(id)
	sample := position.Load()
	switch {
	case sample.State == cluster.Cut && sample.Lag > cutOffAfter && r.snap.Primary != cluster.NoNode:
		return CutOff
	case position.Forgotten() && !r.eventual() && r.snap.Primary != cluster.NoNode:
		return NotCaughtUp
	case r.lsn > 0 && (sample.Epoch != r.snap.Epoch || sample.LSN < r.lsn):
		return NotCaughtUp
	case r.Policy.Delay.exceeded(r.Board, r.snap, sample):
		return OverDelay
	}
	return Eligible
}

// standby chooses among the standbys that may serve the read. Changing standby
// must not show an older state than the one before has shown.
func (r *reading) standby() Route {
	home := r.session.Standby
	if home != cluster.NoNode && !r.Policy.StatementLevel && r.verdict(home) == Eligible {
		return r.settle(home)
	}
	to := r.draw()
	switch {
	case to == cluster.NoNode && (home == cluster.NoNode || r.eventual() || inUse(&r.snap.Nodes[home])):
		return r.fallback(Behind)
	case to != cluster.NoNode && (home == cluster.NoNode || to == home || r.eventual() || r.covered(home, to)):
		return r.settle(to)
	case home != r.snap.Primary && r.verdict(home) == Eligible:
		return Route{Node: home, Reason: Confined}
	}
	// No other standby is known to have what home has shown: a new token is needed.
	r.session.Standby = cluster.NoNode
	r.session.Observe(r.Now, r.snap.Epoch, false)
	return r.fallback(Unresolved)
}

// settle has the session's reads stay on a node.
func (r *reading) settle(to cluster.NodeID) Route {
	s := r.session
	switch {
	case r.wish.Target == config.TargetNode:
	case s.Standby == to:
		r.why = Kept
	default:
		r.why = Balanced
	}
	if s.Standby != to {
		s.Standby, s.Seen = to, time.Time{}
	}
	return Route{Node: to, Reason: r.why}
}

// covered reports whether another standby has replayed all that home can have
// shown: its position at a poll that began after its last answer. That is the
// session's token then.
func (r *reading) covered(home, to cluster.NodeID) bool {
	s := r.session
	shown := r.Board.Position(home).Load()
	if s.Seen.IsZero() || !shown.Began.After(s.Seen) || shown.Epoch != r.snap.Epoch || home == r.snap.Primary {
		return false
	}
	token := max(s.Token.LSN, shown.LSN)
	if there := r.Board.Position(to).Load(); there.Epoch != r.snap.Epoch || there.LSN < token {
		return false
	}
	s.Token = cluster.Token{Epoch: r.snap.Epoch, LSN: token}
	return true
}

// fallback sends a read to the primary, for want of a standby.
func (r *reading) fallback(why Reason) Route {
	candidates, delayed, hopeful := 0, 0, false
	for i := range r.snap.Nodes {
		switch id := r.snap.Nodes[i].ID; r.verdict(id) {
		case OverDelay:
			candidates, delayed = candidates+1, delayed+1
		case Eligible, NotCaughtUp:
			candidates++
			sample := r.Board.Position(id).Load()
			hopeful = hopeful || (sample.Epoch == r.snap.Epoch && sample.Near(r.Patience))
		}
	}
	switch {
	case candidates == 0:
		why = NoStandby
	case candidates == delayed && why == Behind:
		why = Delayed
	}
	to := r.primary(why)
	to.Hopeful = hopeful && to.Reason == why
	return to
}
