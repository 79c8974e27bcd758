package pgtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/sql"
)

// TestCluster is a running primary and its standbys.
type TestCluster struct {
	t         testing.TB
	system    system
	base      string // ours, removed at the end
	dir       string // the owner's, holds the data directories
	nodes     []cluster.Node
	instances []*host.Instance
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (c *TestCluster) Nodes() []cluster.Node { return slices.Clone(c.nodes) }

func (c *TestCluster) Node(id cluster.NodeID) cluster.Node { return c.nodes[id] }

// Credentials are the superuser's.
func (c *TestCluster) Credentials() cluster.Credentials { return superuser }

func (c *TestCluster) Instance(id cluster.NodeID) *host.Instance { return c.instances[id] }

// BinDir is where the PostgreSQL programs are.
func (c *TestCluster) BinDir() string { return c.system.bin }

// Dir holds the data directories and logs; what a test puts there goes away.
func (c *TestCluster) Dir() string { return c.dir }

// Connect opens a connection that the caller closes.
func (c *TestCluster) Connect(ctx context.Context, id cluster.NodeID, database string) (*pgx.Conn, error) {
	conninfo := c.nodes[id].Conninfo(superuser).With("dbname", database).
		With("sslmode", "disable").With("connect_timeout", "10")
	return pgx.Connect(ctx, conninfo.String())
}

// Conn opens a connection to database bench, closed at the end of the test.
func (c *TestCluster) Conn(id cluster.NodeID) *pgx.Conn {
	c.t.Helper()
	conn, err := c.Connect(c.t.Context(), id, superuser.Database)
	if err != nil {
		c.t.Fatalf("node %d: %v", id, err)
	}
	c.t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the node may be dead
	return conn
}

// Exec runs one statement in database bench of a node, on a connection of its
// own.
func (c *TestCluster) Exec(id cluster.NodeID, statement string, args ...any) {
	c.t.Helper()
	conn, err := c.Connect(c.t.Context(), id, superuser.Database)
	if err != nil {
		c.t.Fatalf("node %d: %v", id, err)
	}
	_, err = conn.Exec(c.t.Context(), statement, args...)
	_ = conn.Close(c.t.Context()) // the statement's result is known
	if err != nil {
		c.t.Fatalf("node %d: %s: %v", id, statement, err)
	}
}

// Start starts a stopped node.
func (c *TestCluster) Start(id cluster.NodeID) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	if err := c.instances[id].Start(ctx); err != nil {
		c.t.Fatal(err)
	}
}

// Stop stops a node in order (fast).
func (c *TestCluster) Stop(id cluster.NodeID) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	if err := c.instances[id].Stop(ctx, host.Fast); err != nil {
		c.t.Fatal(err)
	}
}

// PauseReplay makes a standby stale: it receives but shows nothing new. It
// returns when replay stands still.
func (c *TestCluster) PauseReplay(id cluster.NodeID) {
	c.t.Helper()
	c.Exec(id, "SELECT pg_wal_replay_pause()")
	conn := c.Conn(id)
	Await(c.t, 10*time.Second, "replay to pause", func() bool {
		var state string // the request alone is told by pg_is_wal_replay_paused()
		err := conn.QueryRow(c.t.Context(), "SELECT pg_get_wal_replay_pause_state()").Scan(&state)
		return err == nil && state == "paused"
	})
}

// ResumeReplay undoes PauseReplay.
func (c *TestCluster) ResumeReplay(id cluster.NodeID) {
	c.t.Helper()
	c.Exec(id, "SELECT pg_wal_replay_resume()")
}

// Position is sql.Position of a node.
func (c *TestCluster) Position(id cluster.NodeID) cluster.LSN {
	c.t.Helper()
	conn, err := c.Connect(c.t.Context(), id, superuser.Database)
	if err != nil {
		c.t.Fatalf("node %d: %v", id, err)
	}
	defer conn.Close(c.t.Context())
	var text string
	if err := conn.QueryRow(c.t.Context(), sql.Position).Scan(&text); err != nil {
		c.t.Fatalf("node %d: %v", id, err)
	}
	lsn, err := cluster.ParseLSN(text)
	if err != nil {
		c.t.Fatalf("node %d: %v", id, err)
	}
	return lsn
}

// Lag is how many bytes a standby's replay is behind primary's insert position.
func (c *TestCluster) Lag(primary, standby cluster.NodeID) uint64 {
	c.t.Helper()
	return c.Position(primary).Sub(c.Position(standby))
}

// AwaitCaughtUp waits until standby has replayed what primary has now.
func (c *TestCluster) AwaitCaughtUp(primary, standby cluster.NodeID) {
	c.t.Helper()
	goal := c.Position(primary)
	Await(c.t, 20*time.Second, "the standby to catch up", func() bool { return c.Position(standby) >= goal })
}

// ForgetLog returns when the primary has removed the segment with position at from
// its log; a slot that needs it must be gone.
func (c *TestCluster) ForgetLog(primary cluster.NodeID, at cluster.LSN) {
	c.t.Helper()
	conn := c.Conn(primary)
	Await(c.t, 20*time.Second, "the log to be removed", func() bool {
		var there bool
		err := conn.QueryRow(c.t.Context(), "SELECT EXISTS (SELECT FROM pg_ls_waldir() WHERE substr(name, 9) = substr(pg_walfile_name($1::text::pg_lsn), 9))", // of any timeline
			at.String()).Scan(&there)
		if err == nil && there {
			c.Exec(primary, "SELECT pg_switch_wal()")
			c.Exec(primary, "CHECKPOINT")
		}
		return err == nil && !there
	})
}
