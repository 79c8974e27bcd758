package main

import (
	"context"
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

var rounds = flag.Int("rounds", 5, "how often TestNothingAcknowledgedIsLost kills the primary")

// Ensure that a commit that waited for a synchronous standby survives whatever
// primary is killed, and that nobody is disconnected.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	r := startRig(t, 2, "", pgtest.WithSetting("synchronous_standby_names", "ANY 1 (node0, node1, node2)"))
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE acked (client int, n int, PRIMARY KEY (client, n))")
	l := r.startInserts()
	defer l.end()
	for range *rounds {
		l.awaitMore(200)
		old := r.app.board.Current().Primary
		killed := time.Now()
		r.cluster.Kill(old)
		now := r.awaitPrimary(old)
		l.awaitMore(1)
		t.Logf("node %d after node %d, writes were back after %s", now, old, time.Since(killed).Round(time.Millisecond))
		r.allThere(l)
		pgtest.Await(t, 20*time.Second, "the other standby to follow", func() bool {
			return r.app.board.Current().Nodes[3-old-now].ReplicationState == "streaming"
		})
		r.recoverNode(old)
		r.awaitStreaming()
		r.awaitHeir()
	}
	l.end()
	r.allThere(l)
}

// awaitHeir waits until the standbys are seen to have what the primary brought
// along: before that it may be the only one, and nobody would succeed it.
func (r *rig) awaitHeir() {
	r.Helper()
	pgtest.Await(r, 20*time.Second, "the standbys to have the primary's log", func() bool {
		store, err := cluster.OpenStore(r.state)
		if err != nil {
			r.Fatal(err)
		}
		record := store.Load()
		return !slices.Contains(record.Synchronous.Members, record.Primary)
	})
}

// inserts are clients that write rows of their own and note which were acknowledged.
type inserts struct {
	t    *testing.T
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu    sync.Mutex // guards what follows
	acked [][2]int32 // client and n
	lost  int        // clients that were disconnected
}

func (r *rig) startInserts() *inserts {
	ctx, stop := context.WithCancel(context.Background())
	l := &inserts{t: r.T, stop: stop}
	r.eachBusy(ctx, &l.wg, func(c *pgx.Conn, id int) { l.client(ctx, c, int32(id)) })
	return l
}

func (l *inserts) client(ctx context.Context, c *pgx.Conn, id int32) {
	for n := int32(0); ctx.Err() == nil && !c.IsClosed(); n++ {
		_, err := c.Exec(context.Background(), "INSERT INTO acked VALUES ($1, $2)", id, n)
		l.mu.Lock()
		if err == nil {
			l.acked = append(l.acked, [2]int32{id, n})
		}
		if c.IsClosed() {
			l.lost++
		}
		l.mu.Unlock()
	}
}

func (l *inserts) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

func (l *inserts) awaitMore(n int) {
	l.t.Helper()
	want := l.count() + n
	pgtest.Await(l.t, 20*time.Second, "writes", func() bool { return l.count() >= want })
}

func (l *inserts) end() {
	l.stop()
	l.wg.Wait()
	if l.lost > 0 {
		l.t.Errorf("%d clients were disconnected", l.lost)
	}
}

// allThere compares what was acknowledged with what the primary has.
func (r *rig) allThere(l *inserts) {
	r.Helper()
	l.mu.Lock()
	acked := l.acked[:len(l.acked):len(l.acked)]
	l.mu.Unlock()
	there := map[[2]int32]bool{}
	rows, err := r.cluster.Conn(r.app.board.Current().Primary).Query(r.Context(), "SELECT client, n FROM acked")
	if err != nil {
		r.Fatal(err)
	}
	var row [2]int32
	if _, err := pgx.ForEachRow(rows, []any{&row[0], &row[1]}, func() error { there[row] = true; return nil }); err != nil {
		r.Fatal(err)
	}
	missing := 0
	for _, a := range acked {
		if !there[a] {
			missing++
		}
	}
	if missing > 0 {
		r.Errorf("%d of %d acknowledged rows are missing", missing, len(acked))
	}
}
