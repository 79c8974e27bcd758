package admin

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/livesql"
	"github.com/pgherd/pgherd/internal/report"
)

// PromoteMode says what a promotion may cost.
type PromoteMode int

const (
	Switchover PromoteMode = iota // planned: the old primary is stopped cleanly and follows, nothing is lost
	Force                         // also when the old primary cannot be reached or stopped
)

func (m PromoteMode) String() string { return [...]string{"switchover", "force"}[m] }

// Cluster is what the console needs of the failover engine. Errors may have the
// methods SQLState() string and Hint() string; they are shown to the client.
// progress never blocks and may be called from any goroutine.
type Cluster interface {
	Promote(ctx context.Context, node cluster.NodeID, mode PromoteMode, progress func(string)) error
	Attach(ctx context.Context, node cluster.NodeID) error
	Detach(ctx context.Context, node cluster.NodeID) error
	// DetachGracefully sends nothing more to the node and waits for what runs there.
	// Until it is detached, the end of ctx undoes it.
	DetachGracefully(ctx context.Context, node cluster.NodeID, progress func(string)) error
	Explain(ctx context.Context, node cluster.NodeID, mode PromoteMode) (Plan, error)
	Changes(ctx context.Context) ([]Change, error) // oldest first
	Health(node cluster.NodeID) report.Health
}

// Recovery is what the console needs of the recovery engine. Recover returns
// when the node serves again; ending ctx cancels the job.
type Recovery interface {
	Recover(ctx context.Context, node cluster.NodeID, how RecoverOptions, progress func(string)) error
	// KillRecovery cancels a node's recovery and returns when it has ended.
	KillRecovery(ctx context.Context, node cluster.NodeID) error
	ExplainRecover(ctx context.Context, node cluster.NodeID, how RecoverOptions) (Plan, error)
	RecoveryJobs() []RecoveryJob // the past ones first, oldest first
	// Check looks for what Recover would be refused for, and does nothing.
	Check(ctx context.Context, node cluster.NodeID) error
}

// Counters tells how many SELECTs were sent to a node, and how many statements
// for which reason, since the start.
type Counters interface {
	Selects(node cluster.NodeID) uint64
	Routed() []report.Route
	Works(ctx context.Context) ([]report.Work, error) // by node
}

// Traffic is what the console needs of the sessions and the pools. Snapshots are
// taken when they are asked for.
type Traffic interface {
	Clients(ctx context.Context) ([]report.Client, error)
	Servers(ctx context.Context) ([]report.Server, error)
	Pools() []report.Pool
	Traffic(ctx context.Context) ([]report.Traffic, error)
}

// Deps is what a Console works with. All of it is required, but for Admins,
// StatsUsers and Journal, to which commands are added.
type Deps struct {
	Board    *cluster.Board
	Cluster  Cluster
	Recovery Recovery
	Counters Counters
	Process  Process
	Traffic  Traffic
	Gates    Gates
	Config   func() *config.Config // the present one
	Admins   []string              // users who may command
	Version  string                // what SHOW POOL_VERSION answers
	Log      hclog.Logger

	StatsUsers []string // users who may look
	Journal    *cluster.Journal
}

// Session is one authenticated client of the console. Start-up is over: the
// client has been sent AuthenticationOk, ParameterStatus, BackendKeyData and
// ReadyForQuery.
type Session struct {
	// Conn is read and written from two goroutines; a deadline in the past must
	// wake a blocked call. Serve leaves it open, with deadlines set.
	Conn     net.Conn
	User     string
	Database string // the name by which the client asked for the console
	// Params are the ParameterStatus values the client was sent; SHOW answers
	// from them. Drivers need client_encoding and standard_conforming_strings.
	Params map[string]string
	// Cancels receives a value for each CancelRequest with this session's key:
	// a channel with one slot, never closed, sent to without blocking. One that
	// arrives while nothing runs is ignored.
	Cancels <-chan struct{}
}

// Console serves the virtual database. Its methods are safe for concurrent use.
type Console struct {
	table   table
	alias   table // of the database pgbouncer
	inside  table // of every other database
	catalog *livesql.Catalog
	narrow  narrow
	version string
	users   atomic.Pointer[users]
	log     hclog.Logger
	journal *cluster.Journal
}

// users are those who may do more than everybody.
type users struct{ admins, stats []string }

// New makes the console and its table of commands.
func New(d Deps) *Console {
	all := views(d)
	older := make([]view, len(all))
	for i, v := range all {
		older[i] = v.withOlder()
	}
	c := &Console{table: commands(d, all), alias: commands(d, older), inside: inside(d, all), catalog: catalog(d), narrow: newNarrow(), version: d.Version, log: d.Log, journal: d.Journal}
	c.SetUsers(d.Admins, d.StatsUsers)
	return c
}

// SetUsers says who may command and who may look, in sessions that begin.
func (c *Console) SetUsers(admins, stats []string) {
	c.users.Store(&users{slices.Clone(admins), slices.Clone(stats)})
}

// tableOf is the commands that a session sees.
func (c *Console) tableOf(s Session) table {
	if s.Database == "pgbouncer" {
		return c.alias
	}
	return c.table
}

// privilegeOf is what a user may do.
func (c *Console) privilegeOf(user string) privilege {
	u := c.users.Load()
	switch {
	case slices.Contains(u.admins, user):
		return privilegeCommand
	case slices.Contains(u.stats, user):
		return privilegeLook
	}
	return privilegeNone
}

// commands is the table of what HELP lists.
func commands(d Deps, views []view) table {
	var t table
	for _, v := range views {
		t = append(t, v.command())
	}
	t = append(t, queries()...)
	t = append(t,
		promoteNode(d.Board, d.Cluster),
		attachNode(d.Board, d.Cluster),
		detachNode(d.Board, d.Cluster),
		recoverNode(d.Board, d.Recovery),
		explainRecover(d.Board, d.Recovery),
		explainPromote(d.Board, d.Cluster), explainRoute(), check(d),
		pause(d), resume(d), disable(d), enable(d),
		kill(d), killClient(d, "KILL", "CLIENT"), killClient(d, "KILL_CLIENT"), killRecovery(d),
		reconnect(d), waitClose(d), suspend(d),
		set(d), logRotate(d.Process), reload(d.Process),
		shutdown(d.Process),
	)
	t = append(t, pgpoolCommands(d)...)
	return append(t, help(t), showHelp(t))
}

// farewell is how long a client may take to read why its session ends.
const farewell = 5 * time.Second

// Serve answers one session's messages until the client leaves or ctx ends, when
// the client is told 57P01. Both return nil, also when the client just vanishes.
// A violation of the protocol, and a write that fails otherwise, is returned as
// an error. All goroutines have ended on return.
func (c *Console) Serve(ctx context.Context, s Session) error {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer boundFarewell(ctx, s.Conn)()
	in := startInbox(s.Conn, func() { stop(errClientGone) })
	defer in.close()
	return newSession(c, s, in, ctx.Done()).loop(running)
}

// boundFarewell limits writes from the end of ctx on. release waits until conn
// is left alone.
func boundFarewell(ctx context.Context, conn net.Conn) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		conn.SetWriteDeadline(time.Now().Add(farewell))
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}
