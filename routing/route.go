package routing

import "github.com/pgherd/pgherd/internal/cluster"

// Reason says why a statement goes where it goes.
type Reason int

const (
	Balanced   Reason = iota // a read; this standby was chosen by weight
	Kept                     // a read; the session stays on its standby
	Writes                   // not provably a read
	Unresolved               // a read; the position of the session's last write is not known yet
	Behind                   // a read; no standby has replayed what the session has seen
	NoStandby                // a read; no standby is in use
	Held                     // a switchover is under way, or there is no primary: wait
	WritesLost               // what the session has written or seen did not survive a failover
)

var reasons = [...]string{
	Balanced:   "balanced",
	Kept:       "kept on its standby",
	Writes:     "writes",
	Unresolved: "position of the last write not known yet",
	Behind:     "no standby has caught up",
	NoStandby:  "no standby in use",
	Held:       "no primary at the moment",
	WritesLost: "own writes lost in a failover",
}

func (r Reason) String() string { return reasons[r] }

// Route is where a statement goes. Node is cluster.NoNode for Held and
// WritesLost.
type Route struct {
	Node   cluster.NodeID
	Reason Reason
	// Hopeful: a standby is close behind; a short wait may spare the primary a read.
	Hopeful bool
}
