package walreceiver_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/recovery/walreceiver"
)

// archive is an Archiver on a cluster.
type archive struct {
	t       *testing.T
	cluster *pgtest.TestCluster
	dir     string
	primary atomic.Int64 // the node to receive from
	stop    func()       // ends Run, which must have succeeded
}

func startArchive(t *testing.T, c *pgtest.TestCluster, dir string, cfg walreceiver.Config) *archive {
	t.Helper()
	a := &archive{t: t, cluster: c, dir: dir}
	d, err := walreceiver.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := hclog.New(&hclog.LoggerOptions{Output: t.Output()})
	go func() {
		r := walreceiver.NewArchiver(cfg, d, walreceiver.Network{}, a.find, rand.Float64, log)
		done <- errors.Join(r.Run(ctx), d.Close())
	}()
	stopped := false
	a.stop = func() {
		if stopped {
			return
		}
		stopped = true
		if cfg.End == 0 {
			cancel()
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the archiver does not end")
		}
		cancel()
	}
	t.Cleanup(a.stop)
	return a
}

func (a *archive) find(context.Context) (walreceiver.Upstream, error) {
	n := a.cluster.Node(cluster.NodeID(a.primary.Load()))
	info := n.Conninfo(a.cluster.Credentials()).With("sslmode", "disable").With("application_name", "witness")
	return walreceiver.Upstream{Name: n.Name, Conninfo: info.String()}, nil
}

// fill writes some log of three segments, the last of which goes on.
func fill(c *pgtest.TestCluster, node cluster.NodeID, table string) {
	for range 3 {
		c.Exec(node, "CREATE TABLE "+table+" AS SELECT g, md5(g::text) FROM generate_series(1, 20000) g")
		c.Exec(node, "SELECT pg_switch_wal()")
		table += "_"
	}
	c.Exec(node, "CREATE TABLE "+table+" AS SELECT 42 AS n")
}

func TestSegmentsAreThoseOfPgReceivewal(t *testing.T) {
	pgtest.Leaks(t)
	c := pgtest.Cluster(t, 0)
	for _, slot := range []string{"ours", "theirs"} {
		c.Exec(0, "SELECT pg_create_physical_replication_slot($1, true)", slot)
	}
	fill(c, 0, "t")
	end := c.Position(0)
	c.Exec(0, "CREATE TABLE beyond ()") // pg_receivewal stops behind the end, not at it
	ours, theirs := t.TempDir(), t.TempDir()
	a := startArchive(t, c, ours, walreceiver.Config{Slot: "ours", End: end})
	pgReceivewal(t, c, theirs, end)
	a.stop()
	names := list(t, theirs)
	if len(names) < 4 {
		t.Fatalf("pg_receivewal wrote %q", names)
	}
	if got := list(t, ours); strings.Join(got, " ") != strings.Join(names, " ") {
		t.Fatalf("files %q, want %q", got, names)
	}
	for _, name := range names {
		b1, b2 := read(t, ours, name), read(t, theirs, name)
		if strings.HasSuffix(name, ".partial") { // each stops at the first message behind the end
			if len(b1) != len(b2) {
				t.Errorf("%s has %d bytes, want %d", name, len(b1), len(b2))
			}
			used := int(uint64(end) % uint64(len(b1)))
			b1, b2 = b1[:used], b2[:used]
		}
		if !bytes.Equal(b1, b2) {
			t.Errorf("%s differs", name)
		}
	}
	info, err := os.Stat(filepath.Join(ours, names[0]))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func pgReceivewal(t *testing.T, c *pgtest.TestCluster, dir string, end cluster.LSN) {
	t.Helper()
	n := c.Node(0)
	info := n.Conninfo(c.Credentials()).String()
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.BinDir(), "pg_receivewal"),
		"-D", dir, "-S", "theirs", "-d", info, "--endpos", end.String(), "--no-loop")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_receivewal: %v: %s", err, out)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text is one value from a node.
func text(t *testing.T, c *pgtest.TestCluster, node cluster.NodeID, query string) string {
	t.Helper()
	conn, err := c.Connect(t.Context(), node, "bench")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var got string
	if err := conn.QueryRow(t.Context(), query).Scan(&got); err != nil {
		t.Fatalf("node %d: %s: %v", node, query, err)
	}
	return got
}

// The archive is the only synchronous standby: what is acknowledged is in it. It
// follows a failover, and a standby that knows nothing but the archive gets all.
func TestSynchronousThroughAFailover(t *testing.T) {
	pgtest.Leaks(t)
	c := pgtest.Cluster(t, 2)
	dir := filepath.Join(c.Dir(), "archive")
	a := startArchive(t, c, dir, walreceiver.Config{Slot: "witness", Flushing: walreceiver.FlushEverything})
	synchronous := func(node cluster.NodeID) {
		c.Exec(node, "ALTER SYSTEM SET synchronous_standby_names = 'witness'")
		c.Exec(node, "SELECT pg_reload_conf()")
		pgtest.Await(t, 20*time.Second, "the archive to be a synchronous standby", func() bool {
			return text(t, c, node, "SELECT count(*)::text FROM pg_stat_replication WHERE application_name = 'witness' AND sync_state = 'sync' AND state = 'streaming'") == "1"
		})
	}
	synchronous(0)
	c.Exec(0, "CREATE TABLE before AS SELECT 42 AS n")
	c.AwaitCaughtUp(0, 1)
	c.AwaitCaughtUp(0, 2)
	c.Kill(0)
	c.Stop(2)
	c.Exec(1, "SELECT pg_promote()")
	a.primary.Store(1)
	synchronous(1)
	fill(c, 1, "after")
	a.stop()
	history := read(t, dir, "00000002.history")
	if there := read(t, filepath.Join(c.Node(1).DataDirectory, "pg_wal"), "00000002.history"); !bytes.Equal(history, there) {
		t.Errorf("history %q, the server has %q", history, there)
	}
	restoreFrom(t, c, dir)
	if got := text(t, c, 2, "SELECT before.n::text || (SELECT count(*) FROM after) FROM before, after___"); got != "4220000" {
		t.Errorf("the standby has %s", got)
	}
}

// restoreFrom starts node 2 without a primary, on the archive alone: its last
// segment too, which is not complete.
func restoreFrom(t *testing.T, c *pgtest.TestCluster, dir string) {
	t.Helper()
	out, err := exec.Command("chmod", "-R", "a+rX", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	restore := "cp " + dir + "/%f %p 2>/dev/null || cp " + dir + "/%f.partial %p"
	err = c.Instance(2).Configure(map[string]string{"primary_conninfo": "", "primary_slot_name": "", "restore_command": restore})
	if err != nil {
		t.Fatal(err)
	}
	c.Start(2)
	goal := c.Position(1)
	pgtest.Await(t, 20*time.Second, "the standby to restore the archive", func() bool { return c.Position(2) >= goal })
}

// An old primary that goes on streaming is left for the one that leads now, and
// what it alone had written is not what the archive goes on with.
func TestLeavesAnOldPrimaryThatStillRuns(t *testing.T) {
	pgtest.Leaks(t)
	c := pgtest.Cluster(t, 1)
	dir := t.TempDir()
	a := startArchive(t, c, dir, walreceiver.Config{StatusInterval: 100 * time.Millisecond})
	fill(c, 0, "t")
	c.AwaitCaughtUp(0, 1)
	c.Exec(1, "SELECT pg_promote()")
	fill(c, 0, "lost") // complete segments beyond the switch point
	lost := text(t, c, 0, "SELECT pg_walfile_name(pg_current_wal_lsn())")
	there := func(name string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	}
	pgtest.Await(t, 10*time.Second, "the old primary's log", there(lost+".partial"))
	a.primary.Store(1)
	c.Exec(1, "CREATE TABLE kept AS SELECT 1")
	segment := text(t, c, 1, "SELECT pg_walfile_name(pg_switch_wal())")
	pgtest.Await(t, 10*time.Second, "the new primary's segment", there(segment))
	a.stop()
	if want := read(t, filepath.Join(c.Node(1).DataDirectory, "pg_wal"), segment); !bytes.Equal(read(t, dir, segment), want) {
		t.Errorf("%s differs from the server's", segment)
	}
}
