package failover

import (
	"cmp"
	"context"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

const (
	firstShare = 2 // of Timeout, after which new connections are tried as well
	retryShare = 4 // of Timeout, which each of these has
)

// HealthCheck says how nodes are watched (Pgpool-II's health_check_*).
//
// A node that hangs, so that connections stay open and nothing is said, is
// given up after at most
//
//	Period + Timeout/2 + MaxRetries * (RetryDelay + Timeout/4)
//
// which is 2.7 s with the defaults: when a probe has not answered for half of
// Timeout, the retries are made beside it, on new connections, with a quarter each,
// and an answer of any counts. Without retries a probe has all of Timeout. Fencing
// it then takes half a second more, the promotion about 0.2 s. A closed connection
// or a port where nobody listens is noticed at once, whatever these are.
type HealthCheck struct {
	Period     time.Duration // between probes; 500 ms
	Timeout    time.Duration // of one probe, connecting included; 2 s. A quarter must do for a login
	MaxRetries int           // failed probes in a row that are forgiven; 2
	RetryDelay time.Duration // before the probe after a failed one; 100 ms
}

// Config is what the engine needs to know. Zero durations get the defaults
// that are noted beside them; zero MaxRetries means none.
type Config struct {
	Nodes       []cluster.Node // at first; see Join
	Monitor     cluster.Credentials
	Functions   cluster.Credentials // a superuser, where the functions of access sql are (host.Functions)
	HealthCheck HealthCheck

	Auto              bool          // fail over without being asked
	ConnectTimeout    time.Duration // of connections that actions make; 5 s
	QuiesceTimeout    time.Duration // sessions may finish before a switchover stops the primary; 5 s
	FailoverTimeout   time.Duration // a failover, until somebody is chosen; 60 s
	SwitchoverTimeout time.Duration // the old primary's shutdown, a promotion, a rejoin; 30 s each
	CatchupTimeout    time.Duration // the candidate's replay; 30 s
	StartingGrace     time.Duration // a node may be starting up (57P03) before it is down; 10 s

	ManualFailback   bool          // a standby that was down waits for ATTACH (auto_failback off)
	FailbackInterval time.Duration // not sooner than this after it went down
	KeepFalsePrimary bool          // a second primary is quarantined, not down (detach_false_primary off)
	Hooks            Hooks
}

// Hooks are shell commands with Pgpool-II's placeholders; "" is none.
type Hooks struct {
	Failover      string        // when a node has gone down
	Failback      string        // when it is in service again
	FollowPrimary string        // for every other node after a change of the primary
	Timeout       time.Duration // of each; 60 s
}

func (c Config) withDefaults() Config {
	h := &c.HealthCheck
	h.Period = cmp.Or(h.Period, 500*time.Millisecond)
	h.Timeout = cmp.Or(h.Timeout, 2*time.Second)
	h.RetryDelay = cmp.Or(h.RetryDelay, 100*time.Millisecond)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 5*time.Second)
	c.QuiesceTimeout = cmp.Or(c.QuiesceTimeout, 5*time.Second)
	c.FailoverTimeout = cmp.Or(c.FailoverTimeout, time.Minute)
	c.SwitchoverTimeout = cmp.Or(c.SwitchoverTimeout, 30*time.Second)
	c.CatchupTimeout = cmp.Or(c.CatchupTimeout, 30*time.Second)
	c.StartingGrace = cmp.Or(c.StartingGrace, 10*time.Second)
	c.Hooks.Timeout = cmp.Or(c.Hooks.Timeout, time.Minute)
	return c
}

// Mode is how a promotion treats what stands in its way.
type Mode int

const (
	Switchover Mode = iota // nothing may be lost: refuse or abort otherwise
	Force                  // promote the node although log may be lost
)

func (m Mode) String() string { return [...]string{"switchover", "force"}[m] }

// Instance is a node's data directory and programs; *host.Instance is one.
type Instance interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context, mode host.StopMode) error
	Running() (bool, error)
	ShutdownLSN(ctx context.Context) (cluster.LSN, error)
	PrimaryConninfo(ctx context.Context) (string, error)
	Follow(primaryConninfo, slot string) error
	Alter(ctx context.Context, set map[string]string, remove ...string) (changed bool, err error)
	Promote(ctx context.Context) error
}

// Store remembers the engine's decisions across restarts; *cluster.Store is one.
// Save is called by one goroutine.
type Store interface {
	Load() cluster.Record
	Save(cluster.Record) error // durable when it returns
}

// Sessions is the side of the clients.
type Sessions interface {
	// Quiesce waits until no session holds a server connection of node.
	Quiesce(ctx context.Context, node cluster.NodeID) error
}
