package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
)

func TestNewestPrimary(t *testing.T) {
	standings := func(all ...standing) []standing {
		for i := range all {
			all[i].node.ID = cluster.NodeID(i)
		}
		return all
	}
	standby, dead := standing{standby: true}, standing{err: errors.New("connection refused")}
	for _, c := range []struct {
		name    string
		answers []standing
		want    cluster.NodeID
		refuse  string
	}{
		{"one", standings(standby, standing{timeline: 1}, dead), 1, ""},
		{"an old one is still there", standings(standing{timeline: 2}, standing{timeline: 3}), 1, ""},
		{"two", standings(standing{timeline: 3}, standing{timeline: 3}), 0, "both primaries"},
		{"none", standings(standby, dead), 0, "connection refused"},
	} {
		n, err := newestPrimary(c.answers)
		if c.refuse == "" && (err != nil || n.ID != c.want) {
			t.Errorf("%s: node %d, %v", c.name, n.ID, err)
		}
		if c.refuse != "" && (err == nil || !strings.Contains(err.Error(), c.refuse)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestReceivewalFlags(t *testing.T) {
	for _, args := range [][]string{{}, {"--dir", "d", "--slot", "No"}, {"--dir", "d", "--endpos", "7"}} {
		if err := receivewalCommand(t.Context(), args, io.Discard); err == nil || !strings.Contains(err.Error(), "--") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// The command finds the primary among the nodes, makes its slot and stops where it
// is told to.
func TestReceivewal(t *testing.T) {
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, 1), log: &logTail{}}
	file, dir := r.writeConfig(""), filepath.Join(t.TempDir(), "wal")
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	r.cluster.Exec(1, "SELECT pg_promote()") // node 0 stays a primary, of the older timeline
	up, err := findUpstream(t.Context(), cfg, "x")
	if err != nil || !strings.HasPrefix(up.Name, "node 1 ") {
		t.Fatalf("receives from %q, %v", up.Name, err)
	}
	r.cluster.Exec(1, "CREATE TABLE t AS SELECT 1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end := r.cluster.Position(1)
	err = receivewalCommand(ctx, []string{"--config", file, "--dir", dir, "--slot", "kept", "--endpos", end.String()}, io.Discard)
	if err != nil || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	if _, err := os.Stat(filepath.Join(dir, "00000002.history")); err != nil {
		t.Error(err)
	}
	var slots int
	err = r.cluster.Conn(1).QueryRow(ctx, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'kept' AND restart_lsn IS NOT NULL").Scan(&slots)
	if err != nil || slots != 1 {
		t.Errorf("%d slots, %v", slots, err)
	}
}
