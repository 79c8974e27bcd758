package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// makeRole runs what `pgherd role` prints on the primary, in the monitor's database.
func (r *rig) makeRole(primary cluster.NodeID, options ...string) {
	r.Helper()
	var script strings.Builder
	if err := roleCommand(r.Context(), nil, &script); err != nil {
		r.Fatal(err)
	}
	dsn := r.cluster.Node(primary).Conninfo(r.cluster.Credentials()).With("dbname", "postgres").String()
	cmd := exec.Command("psql", append([]string{"-X", "-q", dsn}, options...)...)
	cmd.Stdin = strings.NewReader(script.String() + "ALTER ROLE :\"role\" PASSWORD 'secret';\n")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		r.Fatalf("the script: %v\n%s", err, out)
	}
}

// grant lets the role execute functions, in the monitor's database.
func (r *rig) grant(primary cluster.NodeID, functions string) {
	r.Helper()
	conn, err := r.cluster.Connect(r.Context(), primary, "postgres")
	if err != nil {
		r.Fatal(err)
	}
	defer conn.Close(r.Context())
	if _, err := conn.Exec(r.Context(), "GRANT EXECUTE ON FUNCTION "+functions+" TO pgherd"); err != nil {
		r.Fatal(err)
	}
}

// startAs serves with pgherd's own role as the monitor and an ordinary role as the
// application.
func startAs(t *testing.T, standbys int, edit func(config string) string, options ...string) *rig {
	t.Helper()
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, standbys), log: &logTail{}}
	r.makeRole(0, options...)
	r.cluster.Exec(0, "CREATE ROLE app LOGIN PASSWORD 'app'; GRANT CREATE ON SCHEMA public TO app; ALTER DATABASE bench OWNER TO app")
	path := r.writeConfig("")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.write(strings.Replace(path, "pgherd.yaml", "users.txt", 1), "\"bench\" \"bench\"\n\"app\" \"app\"\n")
	r.write(path, edit(strings.Replace(string(text), "user: bench, password: bench", "user: pgherd, password: secret", 1)))
	r.file = path
	for id := range standbys {
		r.cluster.AwaitCaughtUp(0, cluster.NodeID(id+1))
	}
	r.serve(path)
	r.awaitPrimary(cluster.NoNode)
	r.awaitStreaming()
	return r
}

// accessNone leaves pgherd nothing but SQL for the standbys.
func accessNone(config string) string {
	head, tail, _ := strings.Cut(config, "access: local")
	return head + "access: local" + strings.ReplaceAll(tail, "access: local", "access: none")
}

func asItIs(config string) string { return config }

// writes has the application write and read its own.
func (r *rig) writes() {
	r.Helper()
	if out := r.psqlAs("app", "app", "CREATE TABLE IF NOT EXISTS t (n int)"); strings.Contains(out, "ERROR") || strings.Contains(out, "FATAL") {
		r.Fatal(out)
	}
	if out := r.psqlAs("app", "app", "INSERT INTO t VALUES (1) RETURNING n"); !strings.HasPrefix(out, "1") {
		r.Error(out)
	}
	if out := r.psqlAs("app", "app", "SELECT count(*) > 0 FROM t"); out != "t" {
		r.Error(out)
	}
}

func (r *rig) wantConsole(command, want string) {
	r.Helper()
	if out, _ := r.psql("pgpool", command); !strings.Contains(out, want) {
		r.Errorf("%s: got\n%s\nwant %q", command, out, want)
	}
}

// With pg_monitor alone pgherd pools, routes and watches. What it may not do it refuses
// before anything has happened, and says which GRANT mends that.
func TestWatchingRole(t *testing.T) {
	r := startAs(t, 1, accessNone, "-v", "failover=off")
	r.writes()
	pgtest.Await(t, 10*time.Second, "a read on the standby", func() bool {
		return r.psqlAs("app", "app", "SELECT pg_is_in_recovery()") == "t"
	})
	if n := r.node(1); n[3] != "up" || n[7] != "standby" {
		t.Errorf("SHOW POOL_NODES: %v", n)
	}
	const lacks = `role "pgherd" lacks pg_checkpoint; REPLICATION; EXECUTE on pg_promote(boolean, integer), pg_reload_conf()`
	r.wantConsole("PROMOTE NODE 1", "cannot promote node 1: on node 1, "+lacks)
	r.wantConsole("PROMOTE NODE 1 FORCE", "GRANT ALTER SYSTEM ON PARAMETER primary_conninfo, primary_slot_name")
	r.wantConsole("EXPLAIN PROMOTE NODE 1", lacks)
	r.wantConsole("CHECK", lacks)
	r.wantConsole("SELECT event FROM pool_events WHERE kind = 'failover'", "no failover: on node 0, "+lacks)
	r.wantCheck(r.file, false, "failover, PROMOTE NODE: "+lacks, `node 0 (`, `ALTER ROLE "pgherd" REPLICATION`,
		`RECOVER NODE by a rewind: role "pgherd" lacks EXECUTE on pg_ls_dir(text, boolean, boolean)`)
	r.cluster.Kill(0)
	r.wantSoon("SHOW POOL_NODES", "quarantine")
	r.wantSoon("SELECT event FROM pool_events", "node 1 cannot take over: "+lacks)
	if epoch := r.app.board.Current().Epoch; epoch != 1 {
		t.Errorf("epoch %d: a failover was begun", epoch)
	}
	r.cluster.Start(0)
	r.awaitStreaming()
	r.writes()
	r.makeRole(0)
	r.wantSoon("CHECK", "PROMOTE NODE 1|ok")
}

func (r *rig) wantSoon(command, want string) {
	r.Helper()
	pgtest.Await(r, 15*time.Second, command+" to say "+want, func() bool {
		out, _ := r.psql("pgpool", command)
		return strings.Contains(out, want)
	})
}

// leavesNodeBehind changes the primary there and back, has another take over from node 0,
// which then goes its own way, and returns who.
func (r *rig) leavesNodeBehind() (next cluster.NodeID) {
	r.Helper()
	r.mustPSQL("pgpool", "PROMOTE NODE 1")
	r.awaitStreaming()
	r.mustPSQL("pgpool", "PROMOTE NODE 0")
	r.awaitStreaming()
	r.writes()
	r.cluster.Kill(0)
	next = r.awaitPrimary(0)
	r.writes()
	r.cluster.Start(0)
	r.cluster.Exec(0, "CREATE TABLE lost ()")
	return next
}

// The role that the script makes is no superuser, and all that pgherd does works with it.
func TestFailoverRole(t *testing.T) {
	r := startAs(t, 2, asItIs)
	r.writes()
	r.wantCheck(r.file, true, ", standby, at ")
	r.wantConsole("CHECK", "PROMOTE NODE 1|ok")
	next := r.leavesNodeBehind()
	if out := r.mustPSQL("pgpool", "RECOVER NODE 0 REWIND"); !strings.Contains(out, "node 0 is attached") {
		t.Error(out)
	}
	r.awaitStreaming()
	if out := r.mustPSQL("pgpool", "RECOVER NODE 0 REBUILD FORCE"); !strings.Contains(out, "node 0 is attached") {
		t.Error(out)
	}
	r.awaitStreaming()
	r.writes()
	r.cluster.AssertHealthy(next, 0)
	if log := r.log.String(); strings.Contains(log, "permission denied") || strings.Contains(log, "no failover") {
		t.Error(log)
	}
	for id := range r.cluster.Nodes() {
		if tail := r.cluster.Instance(cluster.NodeID(id)).LogTail(1000); strings.Contains(tail, "permission denied") {
			t.Errorf("the log of node %d:\n%s", id, tail)
		}
	}
}

// A primary that cannot be stopped is demoted, and its sessions are ended; not those of
// superusers, which are told before anything is changed.
func TestFailoverRoleDemotes(t *testing.T) {
	r := startAs(t, 1, func(config string) string { return strings.ReplaceAll(config, "access: local", "access: none") })
	r.writes()
	r.cluster.Conn(0)
	r.wantConsole("PROMOTE NODE 1", "sessions of the superusers bench cannot be ended by monitor.user")
	r.writes()
	r.cluster.Exec(0, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bench' AND backend_type = 'client backend' AND pid <> pg_backend_pid()")
	r.wantSoon("PROMOTE NODE 1", "node 1 is the primary")
	r.writes()
}

// Where pgherd has access to the machines, it does there what the role may not. (This is
// how it is with PostgreSQL 13 and 14, which cannot grant it.)
func TestRoleWithMachines(t *testing.T) {
	r := startAs(t, 1, asItIs, "-v", "failover=off")
	r.wantConsole("PROMOTE NODE 1", `cannot promote node 1: on node 1, role "pgherd" lacks REPLICATION`)
	r.wantConsole("EXPLAIN RECOVER NODE 1 FORCE", `on node 0, role "pgherd" lacks REPLICATION`)
	r.cluster.Exec(0, "ALTER ROLE pgherd REPLICATION")
	r.wantSoon("CHECK", "PROMOTE NODE 1|ok")
	next := r.leavesNodeBehind()
	r.wantConsole("RECOVER NODE 0", `role "pgherd" lacks EXECUTE on pg_ls_dir(text, boolean, boolean), `)
	r.grant(next, "pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text), pg_read_binary_file(text, bigint, bigint, boolean)")
	if out := r.mustPSQL("pgpool", "RECOVER NODE 0"); !strings.Contains(out, "node 0 will be rewound to node") {
		t.Error(out)
	}
	r.awaitStreaming()
	r.writes()
	r.cluster.AssertHealthy(next, 0)
}
