package main

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

const (
	fromNode1   = "/*pgherd: node=1*/ SELECT count(*) FROM shown WHERE id = $1"
	fromPrimary = "/*pgherd: primary*/ SELECT count(*) FROM shown WHERE id = $1"
	touch       = "UPDATE shown SET n = n + 1 WHERE id = $1"
)

// A primary that waits for both of its standbys does not show a commit that one of
// them has replayed. Whoever has read it there finds it on the primary all the same.
func TestShownByStandby(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE shown (id int PRIMARY KEY, n int DEFAULT 0)")
	r.mustPSQL("bench", "INSERT INTO shown VALUES (0)")
	r.mustPSQL("bench", createPort)
	r.replicateSynchronously("local")
	r.Run("a read waits for the primary", func(t *testing.T) {
		r.on(t).shown(1, func(ctx context.Context, c *pgx.Conn) (n int64, err error) {
			err = c.QueryRow(ctx, fromPrimary, 1).Scan(&n)
			return n, err
		})
	})
	r.Run("a write waits for the primary", func(t *testing.T) {
		r.on(t).shown(2, func(ctx context.Context, c *pgx.Conn) (int64, error) {
			tag, err := c.Exec(ctx, touch, 2)
			return tag.RowsAffected(), err
		})
	})
	r.Run("a block that has read on the standby waits", func(t *testing.T) {
		r.on(t).shown(3, func(ctx context.Context, c *pgx.Conn) (int64, error) {
			tx, err := c.Begin(ctx)
			if err != nil {
				return 0, err
			}
			if err := tx.QueryRow(ctx, fromNode1, 3).Scan(nil); err != nil {
				return 0, err
			}
			tag, err := tx.Exec(ctx, touch, 3)
			if err != nil {
				return 0, err
			}
			return tag.RowsAffected(), tx.Commit(ctx)
		})
	})
	r.Run("nobody waits for a transaction that goes on", func(t *testing.T) { r.on(t).unfinished() })
}

// replicateSynchronously has commits wait for both standbys, as far as
// synchronous_commit asks for, whose default this is.
func (r *rig) replicateSynchronously(commit string) {
	r.Helper()
	r.cluster.Exec(0, "ALTER SYSTEM SET synchronous_commit = "+commit)
	r.cluster.Exec(0, "ALTER SYSTEM SET synchronous_standby_names = '2 (*)'")
	r.reloadPrimary("synchronous standbys", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND current_setting('synchronous_commit') = '"+commit+"'")
}

func (r *rig) replicateAsynchronously() {
	r.Helper()
	r.cluster.Exec(0, "ALTER SYSTEM RESET synchronous_commit")
	r.cluster.Exec(0, "ALTER SYSTEM RESET synchronous_standby_names")
	r.reloadPrimary("asynchronous standbys", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'async'")
}

// reloadPrimary returns when query counts both standbys.
func (r *rig) reloadPrimary(what, query string) {
	r.Helper()
	r.cluster.Exec(0, "SELECT pg_reload_conf()")
	pgtest.Await(r, 10*time.Second, what, func() bool { return r.onNode(0, query) == 2 })
}

// onNode asks a node for a number, without pgherd.
func (r *rig) onNode(id cluster.NodeID, query string, args ...any) (n int64) {
	r.Helper()
	conn, err := r.cluster.Connect(r.Context(), id, "bench")
	if err != nil {
		r.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(r.Context(), query, args...).Scan(&n); err != nil {
		r.Fatal(err)
	}
	return n
}

// shown inserts a row that node 1 shows and the primary does not, has a client see
// it there, and expects that client to find it on the primary.
func (r *rig) shown(id int, look func(context.Context, *pgx.Conn) (int64, error)) {
	r.Helper()
	r.cluster.PauseReplay(2)
	defer r.cluster.ResumeReplay(2)
	inserted := make(chan error, 1)
	go func() { inserted <- r.insertEverywhere(id) }()
	client := r.client()
	pgtest.Await(r, 10*time.Second, "node 1 to show the row", func() bool {
		var n int64
		return client.QueryRow(r.Context(), fromNode1, id).Scan(&n) == nil && n == 1
	})
	if n := r.onNode(0, "SELECT count(*) FROM shown WHERE id = $1", id); n != 0 {
		r.Fatalf("the primary shows %d rows already: nothing is tested", n)
	}
	type finding struct {
		n   int64
		err error
	}
	found := make(chan finding, 1)
	go func() {
		n, err := look(r.Context(), client)
		found <- finding{n, err}
	}()
	pgtest.Await(r, 10*time.Second, "somebody to wait for the primary", func() bool {
		return r.app.board.CoverNeeded(1, r.app.board.Current().Epoch)
	})
	r.cluster.ResumeReplay(2)
	if f := <-found; f.err != nil || f.n != 1 {
		r.Errorf("%d rows on the primary, %v", f.n, f.err)
	}
	if err := <-inserted; err != nil {
		r.Error(err)
	}
}

func (r *rig) insertEverywhere(id int) error {
	conn, err := r.cluster.Connect(context.Background(), 0, "bench")
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), "SET synchronous_commit = remote_apply")
	if err == nil {
		_, err = conn.Exec(context.Background(), "INSERT INTO shown VALUES ($1)", id)
	}
	return err
}

// unfinished reads on a standby and writes while another transaction has written and
// stays open.
func (r *rig) unfinished() {
	r.Helper()
	other, err := r.cluster.Connect(r.Context(), 0, "bench")
	if err != nil {
		r.Fatal(err)
	}
	defer other.Close(context.Background())
	if _, err := other.Exec(r.Context(), "BEGIN; INSERT INTO shown VALUES (100)"); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	client := r.client()
	for range 10 {
		for port := 0; port != r.cluster.Node(1).Port; { // right after a write it may be another
			if err := client.QueryRow(ctx, "/*pgherd: node=1*/ SELECT port()").Scan(&port); err != nil {
				r.Fatal(err)
			}
		}
		if _, err := client.Exec(ctx, touch, 0); err != nil {
			r.Fatal(err)
		}
	}
}
