package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// Ensure that a primary which crashed with rows that no standby had got is rewound to
// its successor: it says from where on its log is given up, and the rows are gone.
func TestRewindAfterAFailover(t *testing.T) {
	r := startRig(t, 2, "", pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "256MB"))
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE kept AS SELECT 1 AS n")
	r.caughtUp()
	r.cutOff(1)
	r.cutOff(2)
	r.cluster.Exec(0, "CREATE TABLE unsent AS SELECT 1 AS n")
	r.cluster.Exec(0, "UPDATE kept SET n = 2")
	r.cluster.Kill(0)
	primary := r.awaitPrimary(0)
	r.awaitDown(0)

	if out := r.mustPSQL("pgpool", "EXPLAIN RECOVER NODE 0"); !strings.Contains(out, "rewind: its log goes on to ") {
		t.Errorf("EXPLAIN says\n%s", out)
	}
	r.recoverAll([]string{"RECOVER NODE 0"}, "will be rewound to node")
	r.assertHealthy(nil)
	var there bool
	var n int
	err := r.cluster.Conn(0).QueryRow(t.Context(), "SELECT to_regclass('unsent') IS NOT NULL, n FROM kept").Scan(&there, &n)
	if err != nil || there || n != 1 {
		t.Errorf("what only the old primary had: %v, %d, %v", there, n, err)
	}
	if primary == 0 {
		t.Error("the crashed node is primary again")
	}
}

// cutOff ends the receiver of a standby, which goes on reading.
func (r *rig) cutOff(id cluster.NodeID) {
	r.Helper()
	r.cluster.Exec(id, "ALTER SYSTEM SET primary_conninfo = ''")
	r.cluster.Exec(id, "SELECT pg_reload_conf()")
	conn := r.cluster.Conn(id)
	pgtest.Await(r, 20*time.Second, "the receiver to be gone", func() bool {
		var gone bool
		err := conn.QueryRow(r.Context(), "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)").Scan(&gone)
		return err == nil && gone
	})
}
