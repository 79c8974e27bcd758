package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// TestPromoteInterrupted: Ctrl-C in psql while a long transaction holds a switchover
// up. Nobody has lost anything, and PROMOTE works afterwards.
func TestPromoteInterrupted(t *testing.T) {
	r := startRig(t, 1, "")
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE t (n int)")
	long := r.client()
	for _, sql := range []string{"BEGIN", "INSERT INTO t VALUES (1)"} {
		if _, err := long.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	psql := exec.Command("psql", "-X", "-v", "VERBOSITY=verbose", r.dsn("pgpool", ""), "-c", "PROMOTE NODE 1")
	psql.Stdout, psql.Stderr = &out, &out
	if err := psql.Start(); err != nil {
		t.Fatal(err)
	}
	pgtest.Await(t, 10*time.Second, "writes to be held", func() bool { return r.app.board.Current().Hold == cluster.HoldWrites })
	held := make(chan error, 1)
	other := r.client()
	go func() {
		_, err := other.Exec(t.Context(), "INSERT INTO t VALUES (2)")
		held <- err
	}()
	if len(held) > 0 {
		t.Error("a write was not held:", <-held)
	}
	if err := psql.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := psql.Wait(); err == nil || !strings.Contains(out.String(), "57014") || !strings.Contains(out.String(), "Node 0 is the primary, as before") {
		t.Errorf("psql: %v\n%s", err, &out)
	}
	if err := <-held; err != nil {
		t.Error("the write that was held:", err)
	}
	if _, err := long.Exec(t.Context(), "COMMIT"); err != nil {
		t.Error("the transaction that held it up:", err)
	}
	if s := r.app.board.Current(); s.Writable() != 0 || s.Epoch != 1 {
		t.Errorf("node %d is the primary in epoch %d", s.Primary, s.Epoch)
	}
	if events := r.mustPSQL("pgpool", "SELECT event FROM pool_events WHERE event LIKE '%given up%'"); !strings.Contains(events, "canceled in step quiesce") {
		t.Errorf("the journal says %q", events)
	}
	r.mustPSQL("pgpool", "PROMOTE NODE 1")
	if n := r.mustPSQL("bench", "SELECT sum(n) FROM t"); n != "3\n" {
		t.Errorf("rows add up to %s", n)
	}
}

// TestPromoteUnderPgbench: 64 clients that know nothing of us do not notice that the
// primary has changed, there and back: no transaction fails.
func TestPromoteUnderPgbench(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	if out, err := exec.Command("pgbench", "-i", "-q", "-s", "10", r.dsn("bench", "")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out bytes.Buffer
	load := exec.CommandContext(t.Context(), "pgbench", "-n", "-c", "64", "-j", "2", "-T", "600", r.dsn("bench", ""))
	load.Stdout, load.Stderr = &out, &out
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	c, done := r.client(), 0
	atWork := func() {
		t.Helper()
		before := done
		pgtest.Await(t, 20*time.Second, "64 clients at work", func() bool {
			return c.QueryRow(t.Context(), "SELECT count(*) FROM pgbench_history").Scan(&done) == nil && done > before+500
		})
	}
	for _, to := range []string{"1", "0"} {
		atWork()
		began := time.Now()
		r.mustPSQL("pgpool", "PROMOTE NODE "+to)
		t.Logf("PROMOTE NODE %s took %s", to, time.Since(began).Round(time.Millisecond))
		r.awaitStreaming()
	}
	atWork()
	if err := load.Process.Signal(syscall.SIGALRM); err != nil { // its time is over
		t.Error(err)
	}
	if err := load.Wait(); err != nil || !strings.Contains(out.String(), "number of failed transactions: 0 ") {
		t.Errorf("pgbench: %v\n%s", err, &out)
	}
	t.Logf("%s", &out)
}
