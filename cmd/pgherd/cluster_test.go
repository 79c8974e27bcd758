package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

const busyClients = 16

// TestConsole goes through what the README shows, with psql.
func TestConsole(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	if n := r.node(0); len(n) != 14 || n[0] != "0" || n[3] != "up" || n[6] != "primary" || n[7] != "primary" {
		t.Errorf("SHOW POOL_NODES, node 0: %q", n)
	}
	if n := r.node(1); len(n) != 14 || n[5] != "0.500000" || n[6] != "standby" || n[11] != "streaming" {
		t.Errorf("SHOW POOL_NODES, node 1: %q", n)
	}
	if out := r.mustPSQL("pgpool", "SHOW POOL_VERSION"); !strings.Contains(out, version) {
		t.Errorf("SHOW POOL_VERSION: %s", out)
	}
	for _, c := range []struct{ command, want string }{
		{"SHOW POOL_NODEZ", "LINE 1: SHOW POOL_NODEZ"},
		{"PROMOTE NODE 7", "nodes are"},
		{"PROMOTE NODE 0", "55000"},
		{"RECOVER NODE 0", "55000"},
		{"RECOVER NODE 1", "55000"},
		{"DETACH NODE", "42601"},
	} {
		out, err := r.psql("pgpool", c.command)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v, want %q in\n%s", c.command, err, c.want, out)
		}
	}
	r.mustPSQL("pgpool", "DETACH NODE 2")
	if n := r.node(2); n[3] != "down" {
		t.Errorf("detached node is %s", n[3])
	}
	r.mustPSQL("pgpool", "ATTACH NODE 2")
	if n := r.node(2); n[3] != "up" && n[3] != "waiting" {
		t.Errorf("attached node is %s", n[3])
	}
}

func (r *rig) reads() []uint64 {
	var all []uint64
	for i := range r.cluster.Nodes() {
		all = append(all, r.app.server.Selects(cluster.NodeID(i)))
	}
	return all
}

// load is clients that write and read without pause, each on one connection.
type load struct {
	writes, reads, failed, disconnects atomic.Int64
	lastWrite                          atomic.Int64 // unix nanoseconds
	mu                                 sync.Mutex   // guards errs
	errs                               map[string]int
	stop                               context.CancelFunc
	wg                                 sync.WaitGroup
}

func (r *rig) startLoad() *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{errs: map[string]int{}, stop: stop}
	r.mustPSQL("bench", "CREATE TABLE IF NOT EXISTS busy (id int PRIMARY KEY, n bigint)")
	r.mustPSQL("bench", fmt.Sprintf("INSERT INTO busy SELECT i, 0 FROM generate_series(0, %d) i ON CONFLICT DO NOTHING", busyClients-1))
	r.eachBusy(ctx, &l.wg, func(c *pgx.Conn, id int) { l.client(ctx, c, id) })
	return l
}

// eachBusy runs f for each of the busy clients, connected through pgherd.
func (r *rig) eachBusy(ctx context.Context, wg *sync.WaitGroup, f func(c *pgx.Conn, id int)) {
	r.Helper()
	for id := range busyClients {
		c, err := r.connect(ctx, "bench", "")
		if err != nil {
			r.Fatal(err)
		}
		wg.Go(func() {
			defer c.Close(context.Background())
			f(c, id)
		})
	}
}

func (l *load) client(ctx context.Context, c *pgx.Conn, id int) {
	for ctx.Err() == nil {
		_, err := c.Exec(context.Background(), "UPDATE busy SET n = n + 1 WHERE id = $1", id)
		if err == nil {
			l.writes.Add(1)
			l.lastWrite.Store(time.Now().UnixNano())
		}
		l.note(err)
		var n int64
		err = c.QueryRow(context.Background(), "SELECT n FROM busy WHERE id = $1", id).Scan(&n)
		if err == nil {
			l.reads.Add(1)
		}
		l.note(err)
		if c.IsClosed() {
			l.disconnects.Add(1)
			return
		}
	}
}

func (l *load) note(err error) {
	if err == nil {
		return
	}
	l.failed.Add(1)
	text := err.Error()
	var e *pgconn.PgError
	if errors.As(err, &e) {
		text = e.Code + " " + e.Message
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs[text]++
}

// end stops the clients and waits for them.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

// Ensure that a crash of the primary under load disconnects nobody, that writes are
// back before a primary would be given up that only says nothing (3.7 s; it takes
// 0.2 s on a machine with nothing else to do), and that the other standby follows the
// new primary.
func TestCrashOfThePrimary(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	l := r.startLoad()
	defer l.end()
	pgtest.Await(t, 20*time.Second, "load", func() bool { return l.writes.Load() > 500 })
	if outage := r.crash(l); outage > 3700*time.Millisecond {
		t.Errorf("writes were back after %s", outage)
	}
	l.end()
	if n := l.disconnects.Load(); n > 0 {
		t.Errorf("%d clients were disconnected", n)
	}
	t.Logf("%d writes, %d reads, errors %v", l.writes.Load(), l.reads.Load(), l.errs)
	for text := range l.errs {
		if !strings.HasPrefix(text, "08007") && !strings.HasPrefix(text, "40001") {
			t.Errorf("unexpected error: %s", text)
		}
	}
	for _, n := range r.app.board.Current().Nodes {
		if !n.PGUp {
			if line := r.node(n.ID); line[3] != "down" {
				t.Errorf("the dead node is %s", line[3])
			}
			r.recoverNode(n.ID)
		}
	}
}

// crash kills the primary and tells after what time writes were back. It returns
// when the other standby follows.
func (r *rig) crash(l *load) time.Duration {
	r.Helper()
	killed, old := time.Now(), r.app.board.Current().Primary
	r.cluster.Kill(old)
	primary := r.awaitPrimary(old)
	count := l.writes.Load()
	pgtest.Await(r, 20*time.Second, "writes", func() bool { return l.writes.Load() > count })
	outage := time.Since(killed)
	r.Logf("node %d is primary, writes were back after %s", primary, outage.Round(time.Millisecond))
	pgtest.Await(r, 20*time.Second, "the other standby to follow", func() bool {
		return r.app.board.Current().Nodes[3-old-primary].ReplicationState == "streaming"
	})
	return outage
}

func (r *rig) recoverNode(id cluster.NodeID) {
	r.Helper()
	out := r.mustPSQL("pgpool", fmt.Sprintf("RECOVER NODE %d REBUILD", id))
	if !strings.Contains(out, "NOTICE") || !strings.Contains(out, "base_backup") || !strings.HasSuffix(strings.TrimSpace(out), "RECOVER NODE") {
		r.Errorf("RECOVER NODE %d REBUILD printed\n%s", id, out)
	}
	if n := r.node(id); (n[3] != "up" && n[3] != "waiting") || n[6] != "standby" {
		r.Errorf("recovered node: %q", n)
	}
}

// Ensure that a node is rebuilt under load without one failed transaction.
func TestRecoverUnderLoad(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	l := r.startLoad()
	defer l.end()
	r.cluster.Kill(2)
	pgtest.Await(t, 20*time.Second, "node 2 to be down", func() bool {
		return r.app.board.Current().Nodes[2].Status == cluster.Down
	})
	failed := l.failed.Load()
	r.recoverNode(2)
	r.awaitStreaming()
	count := l.reads.Load()
	pgtest.Await(t, 20*time.Second, "reads", func() bool { return l.reads.Load() > count+100 })
	l.end()
	t.Logf("%d writes, %d reads", l.writes.Load(), l.reads.Load())
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d statements failed when the node went away, %d in all: %v", failed, n, l.errs)
	}
}

// Ensure that a planned switchover there and back costs nobody anything.
func TestSwitchoverUnderLoad(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	l := r.startLoad()
	defer l.end()
	for _, to := range []cluster.NodeID{1, 0} {
		before := time.Now()
		out := r.mustPSQL("pgpool", fmt.Sprintf("PROMOTE NODE %d", to))
		t.Logf("PROMOTE NODE %d took %s", to, time.Since(before).Round(time.Millisecond))
		if !strings.HasSuffix(strings.TrimSpace(out), "PROMOTE NODE") {
			t.Errorf("PROMOTE NODE %d printed\n%s", to, out)
		}
		if p := r.app.board.Current().Primary; p != to {
			t.Errorf("node %d is the primary, want %d", p, to)
		}
		r.awaitStreaming()
	}
	l.end()
	t.Logf("%d writes, %d reads", l.writes.Load(), l.reads.Load())
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d statements failed: %v", n, l.errs)
	}
	r.nothingLost(l)
}

// nothingLost compares what was acknowledged with what is there.
func (r *rig) nothingLost(l *load) {
	r.Helper()
	out := strings.TrimSpace(r.mustPSQL("bench", "SELECT sum(n) FROM busy"))
	if want := fmt.Sprint(l.writes.Load()); out != want {
		r.Errorf("%s writes are there, %s were acknowledged", out, want)
	}
}

// Ensure that pgbench, which knows nothing of us, is spread over the standbys.
func TestPgbenchIsSpread(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	if out, err := exec.Command("pgbench", "-i", "-q", "-s", "1", r.dsn("bench", "")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r.cluster.AwaitCaughtUp(0, 1)
	r.cluster.AwaitCaughtUp(0, 2)
	before := r.reads()
	out, err := exec.Command("pgbench", "-n", "-c", "16", "-t", "200", "-S", r.dsn("bench", "")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "3200/3200") {
		t.Fatalf("%v\n%s", err, out)
	}
	after := r.reads()
	for i := range after {
		after[i] -= before[i]
	}
	t.Logf("reads by node: %v", after)
	if after[1] == 0 || after[2] == 0 || after[0] > 320 {
		t.Errorf("reads by node: %v", after)
	}
}

// Ensure that a restart of pgherd finds the cluster as it is, also after a
// promotion, and refuses the old primary.
func TestRestart(t *testing.T) {
	pgtest.Leaks(t)
	c := pgtest.Cluster(t, 1)
	path := (&rig{T: t, cluster: c}).writeConfigIn(t.TempDir(), "")
	t.Run("first life", func(t *testing.T) {
		r := &rig{T: t, cluster: c, log: &logTail{}}
		r.serve(path)
		if err := serveCommand(t.Context(), []string{"--config", path}, io.Discard); err == nil || !strings.Contains(err.Error(), "another pgherd") {
			t.Errorf("a second pgherd with the same state_dir: %v", err)
		}
		r.awaitPrimary(cluster.NoNode)
		r.awaitStreaming()
		r.cluster.Kill(0)
		r.awaitPrimary(0)
	})
	c.Start(0) // comes back as a primary of its own
	t.Run("second life", func(t *testing.T) {
		r := &rig{T: t, cluster: c, log: &logTail{}}
		r.serve(path)
		if p := r.awaitPrimary(cluster.NoNode); p != 1 {
			t.Errorf("node %d is the primary, want 1", p)
		}
		pgtest.Await(t, 10*time.Second, "node 0 to be refused", func() bool {
			return r.app.board.Current().Nodes[0].Status == cluster.Down
		})
		r.recoverNode(0)
	})
}
