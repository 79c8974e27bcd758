package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// demoRig runs the real program: --detach starts a process of its own.
type demoRig struct {
	t                  *testing.T
	program, psql, dir string
	port               int
}

func newDemoRig(t *testing.T) *demoRig {
	pgtest.Real(t)
	t.Helper()
	m, err := host.LocalUser(serversUser)
	if err != nil {
		t.Fatal(err)
	}
	bin, err := host.FindNewest(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	r := &demoRig{t: t, program: program(t), psql: filepath.Join(bin, "psql"),
		dir: filepath.Join(openDir(t), "demo"), port: pgtest.FreePort(t)}
	t.Cleanup(r.clean)
	return r
}

// openDir is a directory that the servers' user can reach; t.TempDir is not.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgherd-demo-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// clean leaves nothing running when the test has failed half way.
func (r *demoRig) clean() {
	if !r.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, r.program, "demo", "--stop", "--dir", r.dir).CombinedOutput()
	log, _ := os.ReadFile(filepath.Join(r.dir, "pgherd.log")) // there may be none
	r.t.Logf("demo --stop: %v\n%s\npgherd.log:\n%s", err, out, log)
}

func (r *demoRig) command(args ...string) *exec.Cmd {
	return exec.CommandContext(r.t.Context(), r.program, append([]string{"demo", "--dir", r.dir}, args...)...)
}

// demo runs the program to its end, which must be a good one.
func (r *demoRig) demo(args ...string) string {
	r.t.Helper()
	out, err := r.command(args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("pgherd demo %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// refused runs the program, which must fail and say want.
func (r *demoRig) refused(want string, args ...string) {
	r.t.Helper()
	out, err := r.command(args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), want) {
		r.t.Errorf("pgherd demo %v: %v, want an error with %q\n%s", args, err, want, out)
	}
}

// query is psql as the demo tells to call it: no user, no password.
func (r *demoRig) query(database, statement string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.psql, "-X", "-w", "-At", "-h", "127.0.0.1", "-p", strconv.Itoa(r.port), "-d", database, "-c", statement)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", statement, err, out)
	}
	return strings.TrimSpace(string(out))
}

// roles are the nodes' statuses and roles in SHOW POOL_NODES: "up primary".
func (r *demoRig) roles() []string {
	r.t.Helper()
	var roles []string
	for line := range strings.Lines(r.query("pgpool", "SHOW POOL_NODES")) {
		columns := strings.Split(line, "|")
		roles = append(roles, columns[3]+" "+columns[6])
	}
	return roles
}

func (r *demoRig) wantRoles(want ...string) {
	r.t.Helper()
	pgtest.Await(r.t, 15*time.Second, fmt.Sprintf("nodes to be %v", want), func() bool {
		return fmt.Sprint(r.roles()) == fmt.Sprint(want)
	})
}

// ports are pgherd's and the nodes'.
func (r *demoRig) ports() []int {
	r.t.Helper()
	cfg, err := config.Load(filepath.Join(r.dir, "pgherd.yaml"))
	if err != nil {
		r.t.Fatal(err)
	}
	ports := []int{r.port}
	for _, n := range cfg.Nodes {
		ports = append(ports, n.Port)
	}
	return ports
}

// wantStopped asserts that nobody listens and no process of the demo is left.
func (r *demoRig) wantStopped() {
	r.t.Helper()
	for _, port := range r.ports() {
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			conn.Close()
			r.t.Errorf("somebody still listens on port %d", port)
		}
	}
	if left := processesOf(r.dir); len(left) > 0 {
		r.t.Errorf("still running: %q", left)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "pgherd.pid")); err == nil {
		r.t.Error("pgherd.pid is still there")
	}
}

// processesOf are the command lines of live processes that name dir or work in it.
func processesOf(dir string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	var found []string
	for _, file := range files {
		command, _ := os.ReadFile(file) // it may end meanwhile
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		if bytes.Contains(command, []byte(dir+"/")) || strings.HasPrefix(cwd, dir+"/") {
			found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}

func (r *demoRig) killPrimary(node string) {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, node, "postmaster.pid"))
	if err != nil {
		r.t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		r.t.Fatal(err)
	}
}

// TestDemoDetached goes through a failover: the node that was the primary when
// it began must not become a second one by a restart of the demo.
func TestDemoDetached(t *testing.T) {
	r := newDemoRig(t)
	port := strconv.Itoa(r.port)
	out := r.demo("--port", port, "--nodes", "2", "--detach")
	for _, want := range []string{"SHOW POOL_NODES", "PROMOTE NODE 0", "RECOVER NODE 0", "pgbench", "n0/postmaster.pid", "--stop", "without a password"} {
		if !strings.Contains(out, want) {
			t.Errorf("the lines to try lack %q:\n%s", want, out)
		}
	}
	r.wantRoles("up primary", "up standby")
	r.query("demo", "CREATE TABLE kept AS SELECT 42 AS n")
	r.refused("runs already", "--detach")

	r.killPrimary("n0")
	// A write that reaches a backend in the moment before it notices the death
	// of its postmaster ends with an unknown outcome, so wait first.
	r.wantRoles("down standby", "up primary")
	if got := r.query("demo", "INSERT INTO kept VALUES (43); SELECT sum(n) FROM kept"); !strings.HasSuffix(got, "85") {
		t.Errorf("after the failover the sum is %q, want 85", got)
	}
	r.demo("--stop")
	r.wantStopped()

	r.refused("has 2 nodes", "--nodes", "3")
	out = r.demo("--detach")
	if !strings.Contains(out, "RECOVER NODE 0") {
		t.Errorf("nothing is said of node 0:\n%s", out)
	}
	r.wantRoles("down standby", "up primary")
	r.query("pgpool", "RECOVER NODE 0")
	r.wantRoles("up standby", "up primary")
	r.demo("--stop")

	r.demo("--detach")
	r.wantRoles("up standby", "up primary")
	if got := r.query("demo", "SELECT sum(n) FROM kept"); got != "85" {
		t.Errorf("after a restart the sum is %q, want 85", got)
	}
	r.demo("--stop")
	r.demo("--stop") // nothing runs: no error
	r.wantStopped()
}

func TestDemoForeground(t *testing.T) {
	r := newDemoRig(t)
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	r.refused("port "+port+" is taken", "--port", port)
	taken.Close()

	cmd := r.command("--port", strconv.Itoa(r.port), "--nodes", "1")
	var screen bytes.Buffer
	cmd.Stdout, cmd.Stderr = &screen, &screen
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = cmd.Wait() // the test has failed: its context has ended the program
		}
	})
	pgtest.Await(t, time.Minute, "the demo to answer", func() bool {
		return exec.Command(r.psql, "-X", "-w", "-h", "127.0.0.1", "-p", strconv.Itoa(r.port), "-d", "demo", "-c", "SELECT 1").Run() == nil
	})
	if got := r.query("demo", "SELECT count(*) FROM pgbench_branches"); got != "1" {
		t.Errorf("pgbench_branches has %s rows, want 1", got)
	}
	r.refused("runs already")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err, stopped = cmd.Wait(), true
	if err != nil {
		t.Errorf("after SIGINT: %v\n%s", err, &screen)
	}
	r.wantStopped()
}
