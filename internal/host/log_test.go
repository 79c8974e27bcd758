package host_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

func logEnd(t *testing.T, i *host.Instance) host.LogEnd {
	t.Helper()
	e, err := i.LogEnd(t.Context())
	must(t, err)
	return e
}

// The end of the log is that of the last record, after a crash and after a stop in
// order, on a primary and on a standby, and across a promotion.
func TestLogEnd(t *testing.T) {
	c := pgtest.Cluster(t, 1)
	c.Exec(0, "CREATE TABLE t AS SELECT g FROM generate_series(1, 1000) g")
	c.Exec(0, "SELECT pg_switch_wal()")
	c.Exec(0, "CREATE TABLE t2 ()")
	c.AwaitCaughtUp(0, 1)
	before := c.Position(0)
	c.Exec(0, "CREATE TABLE t3 ()")
	c.AwaitCaughtUp(0, 1)
	c.Kill(0)
	end := c.Position(1)
	if e := logEnd(t, c.Instance(0)); e.Timeline != 1 || e.End <= before || e.End > end || len(e.History) != 0 {
		t.Errorf("after the crash %+v, want more than %s and %s at most", e, before, end)
	}
	c.Exec(1, "SELECT pg_promote()")
	c.Exec(1, "CREATE TABLE t4 ()")
	c.Stop(1)
	shutdown, err := c.Instance(1).ShutdownLSN(t.Context())
	must(t, err)
	e := logEnd(t, c.Instance(1))
	if e.Timeline != 2 || e.End <= control(t, c.Instance(1)).CheckpointLSN || e.End > shutdown {
		t.Errorf("after the stop %+v, want %s or a little less", e, shutdown)
	}
	if fmt.Sprint(e.History) != fmt.Sprint([]cluster.Ancestor{{Timeline: 1, Switch: end}}) {
		t.Errorf("history %v, want one switch at %s", e.History, end)
	}
	wal := filepath.Join(c.Node(1).DataDirectory, "pg_wal", "00000002.history")
	must(t, os.Remove(wal))
	if _, err := c.Instance(1).LogEnd(t.Context()); err == nil {
		t.Error("a timeline without a history is accepted")
	}
}
