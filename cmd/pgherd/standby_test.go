package main

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// Ensure that the state of a standby decides what it serves.
func TestStatesOfStandbys(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE counter (n int)")
	r.mustPSQL("bench", "INSERT INTO counter VALUES (0)")
	r.caughtUp()
	t.Run("paused", func(t *testing.T) { r.on(t).testPaused() })
	t.Run("delayed", func(t *testing.T) { r.on(t).testDelayed() })
	t.Run("cut off", func(t *testing.T) { r.on(t).testCutOff() })
}

func (r *rig) caughtUp() {
	for _, n := range r.cluster.Nodes()[1:] {
		r.cluster.AwaitCaughtUp(0, n.ID)
	}
}

func (r *rig) exec(c *pgx.Conn, sql string) {
	r.Helper()
	if _, err := c.Exec(r.Context(), sql); err != nil {
		r.Fatalf("%s: %v", sql, err)
	}
}

// counter is the counter as c sees it.
func (r *rig) counter(c *pgx.Conn) (n int) {
	r.Helper()
	if err := c.QueryRow(r.Context(), "SELECT n FROM counter").Scan(&n); err != nil {
		r.Fatal(err)
	}
	return n
}

// explained is what EXPLAIN ROUTE says of a read of the counter.
func (r *rig) explained(c *pgx.Conn) string {
	r.Helper()
	rows, err := c.Query(r.Context(), "EXPLAIN ROUTE SELECT n FROM counter")
	if err != nil {
		r.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		r.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// onStandbys counts the reads that f has sent there.
func (r *rig) onStandbys(f func()) uint64 {
	before := r.reads()
	f()
	after := r.reads()
	return after[1] + after[2] - before[1] - before[2]
}

// writesAndReads has c write a number and read it back, 20 times. None of the reads may
// wait for a standby to replay.
func (r *rig) writesAndReads(c *pgx.Conn) {
	r.Helper()
	began := time.Now()
	for range 20 {
		r.exec(c, "UPDATE counter SET n = n + 1")
		now := r.counter(c)
		if direct := r.direct(); now != direct {
			r.Errorf("the client reads %d after its own write, which made it %d", now, direct)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		r.Errorf("20 writes and reads took %v: they wait for a standby", took)
	}
}

// direct is the counter on the primary.
func (r *rig) direct() (n int) {
	r.Helper()
	c, err := r.cluster.Connect(r.Context(), 0, "bench")
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close(r.Context())
	return r.counter(c)
}

// testPaused: standbys that don't replay serve those who need nothing newer.
func (r *rig) testPaused() {
	for _, id := range []cluster.NodeID{1, 2} {
		r.cluster.PauseReplay(id)
		defer r.cluster.ResumeReplay(id)
	}
	writer, reader := r.client(), r.client()
	old := r.counter(reader)
	if n := r.onStandbys(func() { r.writesAndReads(writer) }); n > 0 {
		r.Errorf("%d reads behind a write went to standbys that stand still", n)
	}
	if n := r.onStandbys(func() {
		if now := r.counter(reader); now != old {
			r.Errorf("a standby that stands still went from %d to %d", old, now)
		}
	}); n != 1 {
		r.Error("a session that has seen nothing newer left its standby")
	}
}

// testDelayed: standbys that replay late serve who accepts that, up to
// delay_threshold_by_time.
func (r *rig) testDelayed() {
	r.delay([2]string{"1h", "1h"})
	defer r.delay([2]string{"0", "0"})
	writer, reader := r.client(), r.client()
	old := r.direct()
	if n := r.onStandbys(func() { r.writesAndReads(writer) }); n > 0 {
		r.Errorf("%d reads behind a write went to standbys that are an hour late", n)
	}
	r.exec(writer, "SET pgherd.consistency = 'eventual'")
	if n := r.onStandbys(func() {
		if now := r.counter(writer); now != old {
			r.Errorf("a standby that is late shows %d instead of %d", now, old)
		}
	}); n != 1 {
		r.Error("an eventual read did not go to a standby")
	}
	r.threshold(time.Second)
	defer r.threshold(0)
	r.exec(reader, "SET pgherd.consistency = 'eventual'")
	pgtest.Await(r, 20*time.Second, "the standbys to be over the threshold", func() bool {
		return strings.Count(r.explained(reader), "over the delay threshold") >= 2
	})
	if n := r.onStandbys(func() {
		if now, direct := r.counter(reader), r.direct(); now != direct {
			r.Errorf("a read over the threshold shows %d instead of %d", now, direct)
		}
	}); n > 0 {
		r.Error("a standby over the threshold was read")
	}
}

// threshold changes delay_threshold_by_time as a reload does.
func (r *rig) threshold(limit time.Duration) {
	next := *r.app.reloads.current
	next.Routing.DelayThresholdByTime = limit
	access, err := loadAccess(&next)
	if err != nil {
		r.Fatal(err)
	}
	r.app.apply(reloaded{cfg: &next, access: access})
}

// testCutOff: a standby whose replication is broken serves nobody once the primary
// has gone on, not even who has seen nothing yet.
func (r *rig) testCutOff() {
	var conninfo string
	watch := r.cluster.Conn(1)
	if err := watch.QueryRow(r.Context(), "SELECT current_setting('primary_conninfo')").Scan(&conninfo); err != nil {
		r.Fatal(err)
	}
	repoint := func(to string) {
		r.cluster.Exec(1, "ALTER SYSTEM SET primary_conninfo = '"+strings.ReplaceAll(to, "'", "''")+"'")
		r.cluster.Exec(1, "SELECT pg_reload_conf()")
	}
	old := r.direct()
	repoint("host=127.0.0.1 port=1")
	pgtest.Await(r, 20*time.Second, "the receiver to be gone", func() bool {
		var gone bool
		err := watch.QueryRow(r.Context(), "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)").Scan(&gone)
		return err == nil && gone
	})
	r.cluster.Exec(0, "UPDATE counter SET n = n + 1")
	r.cluster.AwaitCaughtUp(0, 2)
	pgtest.Await(r, 20*time.Second, "node 1 to be cut off", func() bool {
		return strings.Contains(r.explained(r.client()), "): cut off from the primary")
	})
	before := r.reads()[1]
	for range 10 {
		if now := r.counter(r.client()); now != old+1 {
			r.Errorf("a new session reads %d instead of %d", now, old+1)
		}
	}
	if n := r.reads()[1] - before; n > 0 {
		r.Errorf("%d reads went to a standby that gets nothing any more", n)
	}
	repoint(conninfo)
	r.awaitStreaming()
	r.cluster.AwaitCaughtUp(0, 1)
	pgtest.Await(r, 20*time.Second, "node 1 to be read again", func() bool {
		r.counter(r.client())
		return r.reads()[1] > before
	})
}
