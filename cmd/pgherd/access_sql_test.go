package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// sqlConfig is the rig's configuration with nodes that pgherd has only SQL for.
func (r *rig) sqlConfig() string {
	r.Helper()
	path := r.writeConfig("recovery: {recovery_database: bench, recovery_1st_stage_command: recovery_1st_stage, timeout: 20s}\n")
	text, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	r.write(path, strings.ReplaceAll(string(text), "access: local", "access: sql"))
	return path
}

// wantCheck asserts that check --connect says that.
func (r *rig) wantCheck(path string, ok bool, lines ...string) {
	r.Helper()
	var out strings.Builder
	err := checkCommand(r.Context(), []string{"--config", path, "--connect"}, &out)
	if (err == nil) != ok {
		r.Errorf("check --connect: %v", err)
	}
	for _, line := range lines {
		if !strings.Contains(out.String(), line) {
			r.Errorf("no %q in\n%s", line, &out)
		}
	}
}

// All that can be done where pgherd has nothing but functions and scripts of the servers.
func TestAccessSQL(t *testing.T) {
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, 1), log: &logTail{}}
	path := r.sqlConfig()
	r.serve(path)
	r.awaitPrimary(cluster.NoNode)
	r.awaitStreaming()
	r.wantCheck(path, false, "access sql: there is no function pgpool_pgctl of a superuser: CREATE EXTENSION pgherd_recovery",
		"access sql: there is no script pgpool_remote_start in the data directory "+r.cluster.Node(1).DataDirectory)
	if out, err := r.psql("pgpool", "PROMOTE NODE 1"); err == nil || !strings.Contains(out, "no function pgpool_pgctl") || !strings.Contains(out, "Node 0 is the primary, as before") {
		t.Errorf("PROMOTE without the functions: %v\n%s", err, out)
	}
	r.cluster.Exec(0, sql.RecoveryFunctions)
	r.scripts()
	r.mustPSQL("bench", "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
	r.loseStandby()
	r.wantScripts()
	r.wantCheck(path, true, "access sql: pgpool_pgctl runs "+r.cluster.BinDir()+"/pg_ctl; scripts: pgpool_remote_start, recovery_1st_stage")

	for _, to := range []cluster.NodeID{1, 0} {
		steps := r.mustPSQL("pgpool", "EXPLAIN PROMOTE NODE "+fmt.Sprint(to))
		if !strings.Contains(steps, "by pgpool_pgctl on itself") || !strings.Contains(steps, "by the script pgpool_remote_start of node "+fmt.Sprint(to)) {
			t.Error(steps)
		}
		r.mustPSQL("pgpool", "PROMOTE NODE "+fmt.Sprint(to))
		r.awaitStreaming()
		r.mustPSQL("bench", "INSERT INTO kept VALUES (1001)")
		r.cluster.AssertHealthy(to, 1-to)
	}
	r.wantWrongDirectory(path)
}

// wantScripts has node 1 recovered, which only scripts can.
func (r *rig) wantScripts() {
	r.Helper()
	for _, command := range []string{"RECOVER NODE 1 FOLLOW", "RECOVER NODE 1 REBUILD"} {
		if out, err := r.psql("pgpool", command); err == nil || !strings.Contains(out, "HINT:  leave the way to the scripts") {
			r.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	if plan := r.mustPSQL("pgpool", "EXPLAIN RECOVER NODE 1"); !strings.Contains(plan, "by the scripts of the primary, since node 1 has access sql") {
		r.Error(plan)
	}
	r.mustPSQL("pgpool", "RECOVER NODE 1")
	r.awaitStreaming()
}

// wantWrongDirectory: scripts would replace what is there.
func (r *rig) wantWrongDirectory(path string) {
	r.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	dir, other := r.cluster.Node(0).DataDirectory, filepath.Join(r.cluster.Dir(), "other")
	r.write(path, strings.Replace(string(text), dir, other, 1))
	r.wantCheck(path, false, "works in "+dir+": correct data_directory, which is "+other)
}
