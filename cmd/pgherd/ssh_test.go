package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// sshConfig is the rig's configuration with nodes that are reached by ssh.
func (r *rig) sshConfig(server *pgtest.SSHServer) string {
	r.Helper()
	path := r.writeConfig("")
	text, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	access := fmt.Sprintf(`access: ssh, ssh: {user: %s, port: %d, identity_file: %s, known_hosts_file: %s, connect_timeout: 2s, options: ["GlobalKnownHostsFile=/dev/null"]}`,
		server.User, server.Port, server.IdentityFile, server.KnownHostsFile)
	r.write(path, strings.ReplaceAll(string(text), "access: local", access))
	return path
}

// All that pgherd does to nodes, it does to nodes on other machines.
func TestOverSSH(t *testing.T) {
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, 1), log: &logTail{}}
	server := pgtest.SSHD(t)
	r.serve(r.sshConfig(server))
	r.awaitPrimary(cluster.NoNode)
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
	r.mustPSQL("pgpool", "PROMOTE NODE 1")
	if p := r.app.board.Current().Primary; p != 1 {
		t.Fatalf("node %d is the primary after PROMOTE NODE 1", p)
	}
	r.awaitStreaming()
	r.mustPSQL("bench", "INSERT INTO kept VALUES (1001)")
	r.cluster.AwaitCaughtUp(1, 0)

	r.cluster.Kill(1)
	r.awaitPrimary(1)
	r.mustPSQL("pgpool", "RECOVER NODE 1")
	r.awaitStreaming()
	r.mustPSQL("pgpool", "DETACH NODE 1")
	dir := r.cluster.Node(1).DataDirectory
	if err := os.RemoveAll(filepath.Join(dir, "base")); err != nil {
		t.Fatal(err)
	}
	r.mustPSQL("pgpool", "RECOVER NODE 1 REBUILD")
	r.mustPSQL("bench", "INSERT INTO kept VALUES (1002)")
	r.cluster.AwaitCaughtUp(0, 1)
	var n int
	if err := r.cluster.Conn(1).QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&n); err != nil || n != 1002 {
		t.Errorf("%d rows on the rebuilt node, %v", n, err)
	}
	left, err := filepath.Glob(dir + ".*-*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	server.Kill()
	r.cluster.Kill(0)
	if p := r.awaitPrimary(0); p != 1 {
		t.Errorf("the primary's machine is off, and node %d is the primary", p)
	}
	if text := r.log.String(); !strings.Contains(text, "nobody can see to it that node 0, the primary that was, has ended") {
		t.Error("nothing was said of the machine that cannot be reached")
	}
	if out, err := r.psql("pgpool", "RECOVER NODE 0"); err == nil || !strings.Contains(out, "node 0: ") || !strings.Contains(out, "cannot be reached by ssh") {
		t.Errorf("RECOVER on a machine that is off: %s", out)
	}
}

// check runs check --connect, and returns what it prints about machines.
func (r *rig) check(path string) (string, error) {
	var out strings.Builder
	err := checkCommand(r.Context(), []string{"--config", path, "--connect"}, &out)
	var lines []string
	for line := range strings.Lines(out.String()) {
		if _, about, ok := strings.Cut(line, ": access ssh: "); ok {
			lines = append(lines, line[:strings.Index(line, " (")]+": "+about)
		}
	}
	return strings.Join(lines, ""), err
}

// check --connect says whether pgherd can do its work on the machines.
func TestCheckOverSSH(t *testing.T) {
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, 0), log: &logTail{}}
	server := pgtest.SSHD(t)
	path := r.sshConfig(server)
	well := "node 0: commands run as " + server.User + ", programs in " + r.cluster.BinDir() + "\n"
	if out, err := r.check(path); out != well || err != nil {
		t.Errorf("got %s, %v, want %s", out, err, well)
	}
	dir := r.cluster.Node(0).DataDirectory
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(r.cluster.Dir(), "other")
	if err := r.cluster.Instance(0).Machine().MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{
		other:                  "node 0: the server at " + r.cluster.Node(0).Address() + " works in " + dir + ": correct data_directory, which is " + other,
		"/usr/share":           "node 0: data_directory /usr/share belongs to user root, but commands run as " + server.User,
		"/no'$(id) such/n0":    "node 0: user " + server.User + " may not write in /no'$(id) such, where recovery",
		r.cluster.Dir() + "/x": "there is no data directory: RECOVER makes it",
	} {
		r.write(path, strings.Replace(string(text), "data_directory: "+dir, fmt.Sprintf("data_directory: %q", to), 1))
		if out, _ := r.check(path); !strings.Contains(out, want) {
			t.Errorf("%s: got %s, want %s", to, out, want)
		}
	}
	server.TrustAnother()
	r.testGreeting(r.sshConfig(server))
	out, err := r.check(r.sshConfig(server))
	if want := "node 0: ssh " + server.Machine().String() + ": the machine shows another host key than "; !strings.HasPrefix(out, want) || err == nil {
		t.Errorf("got %s, %v", out, err)
	}
}

// testGreeting: a login that does not work is in the log from the start.
func (r *rig) testGreeting(path string) {
	r.Helper()
	r.serve(path)
	pgtest.Await(r, 10*time.Second, "a warning", func() bool {
		text := r.log.String()
		return strings.Contains(text, "[WARN]") && strings.Contains(text, "node=0") && strings.Contains(text, "shows another host key than")
	})
}
