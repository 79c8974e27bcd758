package sql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// probed has a field for each column of sql.Probe, in its order.
type probed struct {
	InRecovery         bool
	SystemIdentifier   string
	Timeline           int64
	Received, Replayed string
	ReceiverStatus     string
	SenderHost         string
	SenderPort         int32
	VersionNum         int32
	ReplayPaused       bool
}

func probe(t *testing.T, conn *pgx.Conn) probed {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql.Probe)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[probed])
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func position(t *testing.T, text string) cluster.LSN {
	t.Helper()
	lsn, err := cluster.ParseLSN(text)
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

func TestProbe(t *testing.T) {
	c := pgtest.Cluster(t, 1)
	c.AwaitCaughtUp(0, 1)
	primary, standby := probe(t, c.Conn(0)), probe(t, c.Conn(1))
	if primary.InRecovery || !standby.InRecovery {
		t.Errorf("in recovery: primary %v, standby %v", primary.InRecovery, standby.InRecovery)
	}
	if primary.SystemIdentifier != standby.SystemIdentifier || primary.SystemIdentifier == "" {
		t.Errorf("system identifiers %q and %q", primary.SystemIdentifier, standby.SystemIdentifier)
	}
	if got := fmt.Sprint(standby.ReceiverStatus, standby.SenderHost, standby.SenderPort); got != fmt.Sprint("streaming", "127.0.0.1", c.Node(0).Port) {
		t.Errorf("receiver %s", got)
	}
	if primary.Received != primary.Replayed || position(t, primary.Received) < position(t, standby.Replayed) {
		t.Errorf("positions %+v and %+v", primary, standby)
	}
	c.PauseReplay(1)
	c.Exec(0, "CREATE TABLE t AS SELECT 1")
	conn := c.Conn(1)
	pgtest.Await(t, 5*time.Second, "a paused standby to have received more than it shows", func() bool {
		p := probe(t, conn)
		return p.ReplayPaused && position(t, p.Received) > position(t, p.Replayed)
	})
}

func TestProbeSeesThePromotion(t *testing.T) {
	c := pgtest.Cluster(t, 1)
	c.Kill(0)
	c.Exec(1, "SELECT pg_promote()")
	if p := probe(t, c.Conn(1)); p.InRecovery || p.Timeline != 2 || p.ReceiverStatus != "" {
		t.Errorf("after the promotion: %+v", p)
	}
}

func TestPositionAndReplication(t *testing.T) {
	c := pgtest.Cluster(t, 1)
	c.Exec(0, "CREATE TABLE t AS SELECT 1")
	c.AwaitCaughtUp(0, 1) // by sql.Position on both
	type sender struct{ Name, State, Sync, Sent, Write, Flush, Replay string }
	for id, want := range []int{1, 0} {
		rows, err := c.Conn(cluster.NodeID(id)).Query(t.Context(), sql.Replication)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sender])
		if err != nil || len(got) != want {
			t.Fatalf("node %d: %d walsenders, want %d: %v", id, len(got), want, err)
		}
		if want == 1 && (got[0].Name != "node1" || got[0].State != "streaming" || got[0].Sync != "async") {
			t.Errorf("walsender %+v", got[0])
		}
	}
}

// Ensure that a position is one that a standby comes to also when nothing has been
// logged since the end of a segment.
func TestPositionAtTheEndOfASegment(t *testing.T) {
	conn := pgtest.Cluster(t, 0).Conn(0)
	one := func(query string) (s string) {
		if err := conn.QueryRow(t.Context(), query).Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	pgtest.Await(t, 10*time.Second, "nothing to be logged behind the end of a segment", func() bool {
		one("SELECT pg_switch_wal()::text")
		before, got := one("SELECT pg_current_wal_insert_lsn()::text"), one(sql.Position)
		if !strings.HasSuffix(before, "000028") || one("SELECT pg_current_wal_insert_lsn()::text") != before {
			return false
		}
		if want := strings.TrimSuffix(before, "28") + "00"; got != want {
			t.Errorf("position %s, want %s", got, want)
		}
		return true
	})
}
