package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// Ensure that nodes come back from all that may have happened to them, while 32
// clients of pgbench don't notice: not one transaction fails.
func TestRecoveryUnderPgbench(t *testing.T) {
	r := startRig(t, 2, "", pgtest.WithSetting("wal_log_hints", "on"))
	r.awaitStreaming()
	b := r.startPgbench(32)
	for _, c := range []struct {
		name    string
		breakIt func()
		recover []string // what is said in the console, at once
		want    string
	}{
		{"emptied directory", func() { r.killAndEmpty(1) }, []string{"RECOVER NODE 1"}, "will be rebuilt"},
		{"deleted relation", func() { r.deleteRelation(1) }, []string{"RECOVER NODE 1"}, "files of tables or indexes are missing"},
		{"stopped for long", func() { r.stopForLong(1) }, []string{"RECOVER NODE 1"}, "the primary's log begins at"},
		{"promoted by hand", func() { r.promoteByHand(2) }, []string{"RECOVER NODE 2"}, "will be rewound"},
		{"two at once", func() { r.killAndEmpty(1); r.killAndEmpty(2) },
			[]string{"RECOVER NODE 1", "RECOVER NODE 2"}, "will be rebuilt"},
	} {
		began, done := time.Now(), b.done()
		c.breakIt()
		r.recoverAll(c.recover, c.want)
		r.assertHealthy(b)
		now := b.done()
		t.Logf("%s: %v, %d transactions that wrote", c.name, time.Since(began).Round(time.Millisecond), now-done)
		if now-done < 20 {
			t.Error("pgbench stands still")
		}
		if t.Failed() {
			t.Fatalf("after: %s", c.name)
		}
	}
	b.end()
}

// recoverAll runs the commands side by side; each has to print want.
func (r *rig) recoverAll(commands []string, want string) {
	r.Helper()
	var all sync.WaitGroup
	for _, command := range commands {
		all.Go(func() {
			out, err := r.psql("pgpool", command)
			if err != nil || !strings.Contains(out, want) {
				r.Errorf("%s: %v, want %q in\n%s", command, err, want, out)
			}
		})
	}
	all.Wait()
}

// assertHealthy asserts that all nodes are attached, stream, and have the primary's
// data, while pgbench holds its breath.
func (r *rig) assertHealthy(b *pgbench) {
	r.Helper()
	r.awaitStreaming()
	if b != nil {
		b.pause()
		defer b.resume()
	}
	primary := r.app.board.Current().Primary
	for _, n := range r.cluster.Nodes() {
		if n.ID != primary {
			r.cluster.AssertHealthy(primary, n.ID)
		}
	}
}

func (r *rig) must(err error) {
	if err != nil {
		r.Helper()
		r.Fatal(err)
	}
}

// killAndEmpty removes everything in the data directory, and leaves the directory.
func (r *rig) killAndEmpty(id cluster.NodeID) {
	r.Helper()
	r.cluster.Kill(id)
	r.awaitDown(id)
	dir := r.cluster.Node(id).DataDirectory
	entries, err := os.ReadDir(dir)
	r.must(err)
	for _, e := range entries {
		r.must(os.RemoveAll(filepath.Join(dir, e.Name())))
	}
}

// deleteRelation stops the node and removes the file of a table that is written to.
func (r *rig) deleteRelation(id cluster.NodeID) {
	r.Helper()
	var path string
	r.must(r.cluster.Conn(0).QueryRow(r.Context(), "SELECT pg_relation_filepath('pgbench_accounts')").Scan(&path))
	r.cluster.Stop(id)
	r.awaitDown(id)
	r.must(os.Remove(filepath.Join(r.cluster.Node(id).DataDirectory, path)))
}

// stopForLong stops the node until the primary has removed the log that it needs, from
// the position that is returned.
func (r *rig) stopForLong(id cluster.NodeID) cluster.LSN {
	r.Helper()
	r.cluster.Stop(id)
	r.awaitDown(id)
	return r.forgetLogOf(id)
}

// forgetLogOf has the primary remove the log that a stopped node needs.
func (r *rig) forgetLogOf(id cluster.NodeID) cluster.LSN {
	r.Helper()
	log, err := r.cluster.Instance(id).LogEnd(r.Context())
	r.must(err)
	primary := r.app.board.Current().Primary
	r.cluster.Exec(primary, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", r.cluster.Node(id).SlotName())
	r.cluster.ForgetLog(primary, log.End)
	return log.End
}

// promoteByHand makes the node a second primary, with a row of its own.
func (r *rig) promoteByHand(id cluster.NodeID) {
	r.Helper()
	r.cluster.Exec(id, "SELECT pg_promote()")
	r.cluster.Exec(id, "CREATE TABLE by_hand AS SELECT g FROM generate_series(1, 1000) g")
	r.awaitDown(id) // two primaries are one too many
}

func (r *rig) awaitDown(id cluster.NodeID) {
	r.Helper()
	pgtest.Await(r, 20*time.Second, fmt.Sprintf("node %d to be out of service", id), func() bool {
		return r.app.board.Current().Nodes[id].Status == cluster.Down
	})
}

// pgbench is clients through pgherd that read and write until the end.
type pgbench struct {
	*rig
	cmd *exec.Cmd
	out bytes.Buffer
}

func (r *rig) startPgbench(clients int) *pgbench {
	r.Helper()
	if out, err := exec.Command("pgbench", "-i", "-q", "-s", "2", r.dsn("bench", "")).CombinedOutput(); err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
	b := &pgbench{rig: r}
	// The rate leaves something of a small machine to the recoveries. In the mode
	// "prepared" a thread of pgbench waits for one client while others of its clients
	// have all connections to the primary.
	b.cmd = exec.Command("pgbench", "-n", "-c", fmt.Sprint(clients), "-j", "2", "-T", "600", "-R", "500", "-M", "extended",
		"-b", "tpcb-like@1", "-b", "select-only@3", r.dsn("bench", ""))
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.out
	r.must(b.cmd.Start())
	r.Cleanup(func() {
		if b.cmd.ProcessState == nil {
			_ = b.cmd.Process.Kill()
			_ = b.cmd.Wait()
		}
		if r.Failed() {
			r.Log(b.out.String())
		}
	})
	return b
}

func (b *pgbench) signal(s os.Signal) { b.Helper(); b.must(b.cmd.Process.Signal(s)) }

// pause lets nobody begin anything; a transaction that is open stays so.
func (b *pgbench) pause() {
	b.Helper()
	b.signal(syscall.SIGSTOP)
	conn := b.cluster.Conn(b.app.board.Current().Primary)
	pgtest.Await(b, 10*time.Second, "the statements under way to end", func() bool {
		var n int
		err := conn.QueryRow(b.Context(),
			`SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend'
			AND wait_event_type IS DISTINCT FROM 'Lock' AND pid <> pg_backend_pid()`).Scan(&n)
		return err == nil && n == 0
	})
}

func (b *pgbench) resume() { b.Helper(); b.signal(syscall.SIGCONT) }

// done is how many transactions have written.
func (b *pgbench) done() (n int) {
	b.Helper()
	b.must(b.cluster.Conn(0).QueryRow(b.Context(), "SELECT count(*) FROM pgbench_history").Scan(&n))
	return n
}

// end lets pgbench come to the end of its time now, and asserts that nothing failed.
func (b *pgbench) end() {
	b.Helper()
	b.signal(syscall.SIGALRM)
	err := b.cmd.Wait()
	out := b.out.String()
	if err != nil || !strings.Contains(out, "number of failed transactions: 0 (") || strings.Contains(out, "abort") {
		b.Errorf("pgbench: %v\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "number of transactions actually processed") {
			b.Log(strings.TrimSpace(line))
		}
	}
}
