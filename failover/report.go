package failover

import (
	"net"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// Outcome is what came of one probe.
type Outcome int

const (
	Unknown  Outcome = iota // not probed: never, or pgherd lacked something of its own
	Alive                   // answered in full
	Refused                 // nobody listens at the address
	Broken                  // the connection broke or could not be made
	Silent                  // no answer within the timeout
	Starting                // PostgreSQL says that it starts up or shuts down (57P03)
	Rejected                // PostgreSQL lives but turns the monitor away: password, too many connections
)

func (o Outcome) String() string {
	return [...]string{"unknown", "alive", "refused", "broken", "silent", "starting", "rejected"}[o]
}

// Report is what one probe found. All but the first three fields, and Received,
// are of an Alive node.
type Report struct {
	Began    time.Time
	Outcome  Outcome
	Detail   string // the error, when there was one
	SystemID string
	Role     cluster.Role
	Timeline cluster.Timeline // a primary's own, a standby's receiver's
	Received cluster.LSN      // the end of the log that the node has, or is known to have had
	Replayed cluster.LSN
	Paused   bool          // replay was paused by somebody
	Delay    time.Duration // recovery_min_apply_delay

	Receiver  Receiver   // standby: whom it follows
	Followers []Follower // primary: who follows it
	Acks      int        // primary: how many of them a commit waits for

	Lacks rights.Missing // of the monitor's account
}

// trouble is the outcome in words.
func (r Report) trouble() string {
	if r.Detail == "" || r.Detail == r.Outcome.String() {
		return r.Outcome.String()
	}
	return r.Outcome.String() + ": " + r.Detail
}

// Receiver is a standby's walreceiver; Status is "" when there is none.
type Receiver struct {
	Status string // pg_stat_wal_receiver.status
	Host   string
	Port   int
	Age    time.Duration // since its last message from the sender
}

// Streams reports whether the receiver is fed by n.
func (r Receiver) Streams(n cluster.Node) bool {
	return r.Status == "streaming" && r.Port == n.Port && sameHost(r.Host, n.Host)
}

// sameHost compares spellings of a host: every name of the loop-back address,
// and every socket directory, is this machine.
func sameHost(a, b string) bool {
	return strings.EqualFold(a, b) || thisMachine(a) && thisMachine(b)
}

func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Follower is a row of pg_stat_replication.
type Follower struct {
	Name      string // application_name
	State     string
	SyncState string
	Written   cluster.LSN
	Flushed   cluster.LSN
}
