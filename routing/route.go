package routing

import "github.com/pgherd/pgherd/internal/cluster"

// Reason says why a statement goes where it goes.
type Reason int

const (
	// On the primary, because of the statement.
	Writes     Reason = iota // not provably a read
	Unparsed                 // the grammar refused it
	Locks                    // takes locks that a standby refuses
	OpensBlock               // opens a transaction that may write
	Isolation                // SERIALIZABLE
	NodeBound                // a standby would give another answer
	KeepsState               // leaves state in its server
	Refused                  // a standby has refused it before

	// On the primary or elsewhere, because somebody wants it there.
	SessionBound // the session's settings or pool mode
	Hinted       // a comment in the statement
	Asked        // SET pgherd.route
	AfterWrite   // disable_load_balance_on_write
	BalancingOff // load_balance_mode
	Preferred    // a redirect preference list

	// A read, and free to go anywhere.
	PrimaryShare // the primary's own, by its weight
	Balanced     // this node was chosen, by weight or delay
	Kept         // the session stays on its node
	Confined     // what its node has shown is not known to be on another
	Unresolved   // the position of the session's last write is not known yet
	Behind       // no standby has replayed what the session has seen
	Delayed      // every standby is over delay_threshold
	NoStandby    // no standby is in use

	// Wherever the session's server is.
	InBlock // a transaction runs there
	Pinned  // the server has state of the session's

	// Nowhere.
	Held       // a switchover is under way, or there is no primary: wait
	WritesLost // what the session has written or seen did not survive a failover

	Reasons // how many there are
)

var reasons = [Reasons]string{
	Writes:     "writes",
	Unparsed:   "not understood, so it may write",
	Locks:      "takes locks",
	OpensBlock: "opens a transaction that may write",
	Isolation:  "asks for serializable",
	NodeBound:  "a standby's answer would differ",
	KeepsState: "leaves state in its session",
	Refused:    "a standby has refused it before",

	SessionBound: "the session's settings or pool mode keep it there",
	Hinted:       "a hint in the statement",
	Asked:        "pgherd.route",
	AfterWrite:   "follows a write",
	BalancingOff: "load balancing is off",
	Preferred:    "a redirect preference list",

	PrimaryShare: "the primary's share",
	Balanced:     "balanced",
	Kept:         "kept on its standby",
	Confined:     "kept until another standby is known to be as far",
	Unresolved:   "position of the last write not known yet",
	Behind:       "no standby has caught up",
	Delayed:      "every standby is over the delay threshold",
	NoStandby:    "no standby in use",

	InBlock: "in a transaction",
	Pinned:  "its server holds state of the session",

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
	Epoch   cluster.Epoch // in which it was decided
	Role    cluster.Role  // of Node then
}
