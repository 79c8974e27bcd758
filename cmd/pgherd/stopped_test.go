package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// Somebody stops the primary in order, past pgherd, while clients write and read. Its
// standbys have all of its log, and pgherd knows: no session hears of a failover but by
// the statement that was under way, not even one that had only just written.
func TestPrimaryIsStoppedUnderClients(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE t (client int, n int)")
	quiet := r.client()
	busy := []*writer{{conn: r.client(), id: 1}, {conn: r.client(), id: 2}, {conn: r.client(), id: 3}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, w := range busy {
		w.ended = make(chan struct{})
		go w.run(ctx, t)
	}
	pgtest.Await(t, 10*time.Second, "some rows", func() bool { return r.mustPSQL("bench", "SELECT count(*) > 20 FROM t") == "t\n" })
	if _, err := quiet.Exec(t.Context(), "INSERT INTO t VALUES (0, 1)"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.cluster.Stop(0)
	r.awaitPrimary(0)
	t.Logf("another primary after %v", time.Since(began))
	var n int
	if err := quiet.QueryRow(t.Context(), "SELECT count(*) FROM t WHERE client = 0").Scan(&n); err != nil || n != 1 {
		t.Errorf("who was quiet reads %d rows, %v", n, err)
	}
	before := r.mustPSQL("bench", "SELECT count(*) FROM t")
	pgtest.Await(t, 10*time.Second, "more rows", func() bool { return r.mustPSQL("bench", "SELECT count(*) FROM t") != before })
	stop()
	for _, w := range busy {
		if <-w.ended; len(w.unsure) > 1 {
			t.Errorf("client %d: more than the statement in flight: %v", w.id, w.unsure)
		}
	}
}

// writer is a client that writes and reads what it has written.
type writer struct {
	conn   *pgx.Conn
	id, n  int
	unsure []error // statements that broke off
	ended  chan struct{}
}

// run ends with ctx.
func (w *writer) run(ctx context.Context, t *testing.T) {
	defer close(w.ended)
	for ctx.Err() == nil {
		var seen int
		_, err := w.conn.Exec(context.Background(), "INSERT INTO t VALUES ($1, $2)", w.id, w.n+1)
		if err == nil {
			w.n++
		} else if !w.brokeOff(err) {
			t.Errorf("client %d: write: %v", w.id, err)
			return
		}
		err = w.conn.QueryRow(context.Background(), "SELECT coalesce(max(n), 0) FROM t WHERE client = $1", w.id).Scan(&seen)
		if w.brokeOff(err) {
			continue
		}
		if err != nil || seen < w.n {
			t.Errorf("client %d: has written up to %d and reads %d, %v", w.id, w.n, seen, err)
			return
		}
		w.n = seen
	}
}

// brokeOff: a write whose outcome is unknown, or a read of which a part was there.
func (w *writer) brokeOff(err error) bool {
	var told *pgconn.PgError
	if !errors.As(err, &told) || told.Code != "08007" && told.Code != "08006" {
		return false
	}
	w.unsure = append(w.unsure, err)
	return true
}
