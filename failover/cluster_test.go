package failover

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// rig is an engine in front of a real cluster.
type rig struct {
	t      *testing.T
	pg     *pgtest.TestCluster
	board  *cluster.Board
	engine *Engine
	config Config
	dir    string
	events *cluster.Journal
	bomb   *bomb // nil: the engine lives
	stop   func()
}

func newRig(t *testing.T, standbys int, change ...func(*Config)) *rig {
	pgtest.Leaks(t)
	r := &rig{t: t, pg: pgtest.Cluster(t, standbys), dir: t.TempDir(), events: cluster.NewJournal(100)}
	r.config = Config{Nodes: r.pg.Nodes(), Monitor: r.pg.Credentials(), Auto: true, HealthCheck: HealthCheck{MaxRetries: 2}}
	for _, f := range change {
		f(&r.config)
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	r.await("all nodes up", func(s *cluster.Snapshot) bool { return r.allUp(s) && s.Primary == 0 })
	return r
}

// start runs a new engine on what the store in r.dir remembers.
func (r *rig) start() {
	store, err := cluster.OpenStore(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	var deps Store = store
	if r.bomb != nil {
		r.bomb.Store, deps = store, r.bomb
	}
	r.board = cluster.NewBoard(r.config.Nodes, time.Now())
	log := &testLog{t: r.t}
	r.engine = New(r.config, Deps{
		Board: r.board, Store: deps, Journal: r.events,
		Log:       hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Debug}),
		Instances: func(id cluster.NodeID) (Instance, error) { return r.pg.Instance(id), nil },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.engine.Run(ctx) // the context's end
	}()
	r.stop = func() { cancel(); <-done }
	if r.bomb != nil {
		r.bomb.cancel = cancel
	}
}

// testLog passes log lines on to the test, and fails it when one has the
// password in it.
type testLog struct{ t *testing.T }

func (l *testLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("password")) {
		l.t.Errorf("a password in the log: %s", line)
	}
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

func (r *rig) await(what string, cond func(*cluster.Snapshot) bool) {
	r.t.Helper()
	pgtest.Await(r.t, 30*time.Second, what, func() bool { return cond(r.board.Current()) })
}

func (r *rig) allUp(s *cluster.Snapshot) bool {
	for _, n := range s.Nodes {
		if n.Status != cluster.Up {
			return false
		}
	}
	return true
}

// write inserts on node and waits until replica has it.
func (r *rig) write(node cluster.NodeID, replicas ...cluster.NodeID) {
	r.t.Helper()
	r.pg.Exec(node, "CREATE TABLE IF NOT EXISTS t (n int)")
	r.pg.Exec(node, "INSERT INTO t VALUES (1)")
	for _, id := range replicas {
		r.pg.AwaitCaughtUp(node, id)
	}
}

// load writes to node on several connections until they break; the returned
// function waits for that.
func (r *rig) load(node cluster.NodeID, clients int) func() {
	var group sync.WaitGroup
	for range clients {
		conn := r.pg.Conn(node)
		group.Go(func() {
			for {
				if _, err := conn.Exec(context.Background(), "INSERT INTO t VALUES (3)"); err != nil {
					return
				}
			}
		})
	}
	return group.Wait
}

// cut ends the receiver of a standby.
func (r *rig) cut(standby cluster.NodeID) {
	r.t.Helper()
	r.pg.Exec(standby, "ALTER SYSTEM SET primary_conninfo = ''")
	r.pg.Exec(standby, "SELECT pg_reload_conf()")
	conn := r.pg.Conn(standby)
	pgtest.Await(r.t, 10*time.Second, fmt.Sprintf("node %d receives nothing", standby), func() bool {
		var n int
		err := conn.QueryRow(r.t.Context(), "SELECT count(*) FROM pg_stat_wal_receiver").Scan(&n)
		return err == nil && n == 0
	})
}

// silence is how long a primary that says nothing is waited for, by default. One that
// is gone is replaced sooner, on any machine.
const silence = 2700 * time.Millisecond

func TestPrimaryKilled(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	// Node 1 falls behind, so node 2 must be chosen.
	r.cut(1)
	r.write(0, 2)

	stopLoad := r.load(0, 4)
	began := time.Now()
	r.pg.Kill(0)
	stopLoad()
	killed := time.Since(began)
	r.await("a new primary", func(s *cluster.Snapshot) bool { return s.Writable() == 2 })
	open := time.Since(began)
	r.write(2)
	r.await("node 1 following", func(s *cluster.Snapshot) bool {
		return s.Nodes[1].ReplicationState == "streaming" && s.Nodes[1].Status == cluster.Up
	})
	followed := time.Since(began)
	r.pg.AwaitCaughtUp(2, 1)
	t.Logf("kill took %v, writes open after %v, standby follows after %v", killed, open, followed)
	if open > silence { // 0.2 s on a machine with nothing else to do
		t.Errorf("writes were open after %v", open)
	}

	s := r.board.Current()
	if s.Epoch != 2 || len(s.Switches) != 1 || s.Switches[0].Complete || s.Switches[0].LSN == 0 {
		t.Errorf("epoch %d, switches %+v", s.Epoch, s.Switches)
	}
	// The old primary returns as a primary and is not used.
	r.pg.Start(0)
	r.await("node 0 refused", func(s *cluster.Snapshot) bool {
		return s.Nodes[0].Status == cluster.Down && strings.Contains(s.Nodes[0].Reason, "claims to be primary")
	})
	if s := r.board.Current(); s.Writable() != 2 {
		t.Errorf("primary is %d", s.Primary)
	}
}

// Ensure that a primary that somebody stops in order is replaced, too, and that nothing
// is said to be lost.
func TestPrimaryStopped(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	began := time.Now()
	r.pg.Stop(0)
	var primary, other cluster.NodeID
	r.await("a new primary", func(s *cluster.Snapshot) bool {
		primary = s.Writable()
		return primary == 1 || primary == 2
	})
	t.Logf("writes open after %v", time.Since(began))
	other = 3 - primary
	r.write(primary)
	r.await("the other to follow", func(s *cluster.Snapshot) bool { return s.Nodes[other].ReplicationState == "streaming" })
	r.pg.AwaitCaughtUp(primary, other)
	if s := r.board.Current(); len(s.Switches) != 1 || !s.Switches[0].Complete {
		t.Errorf("switches %+v, want a complete one", s.Switches)
	}
}

func TestSwitchoverAndBack(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	for i, to := range []cluster.NodeID{1, 0} {
		began := time.Now()
		var told []string
		err := r.engine.Promote(t.Context(), to, Switchover, func(text string) { told = append(told, text) })
		if err != nil {
			t.Fatalf("to node %d: %v", to, err)
		}
		t.Logf("switchover to node %d took %v:\n%s", to, time.Since(began), strings.Join(told, "\n"))
		if len(told) == 0 {
			t.Error("no progress was told")
		}
		s := r.board.Current()
		if s.Writable() != to || !r.allUp(s) || s.Epoch != cluster.Epoch(i+2) || !s.Switches[i].Complete {
			t.Errorf("after the switchover: %s", describe(s))
		}
		if c, err := r.engine.Changes(t.Context()); err != nil || len(c) != i+1 || c[i].Kind != OpSwitchover || c[i].To != to || c[i].From != 1-to || c[i].Since.Before(began) {
			t.Errorf("the history of the changes: %+v, %v", c, err)
		}
		r.write(to, others(to)...)
		r.await("all streaming", func(s *cluster.Snapshot) bool {
			for _, id := range others(to) {
				if s.Nodes[id].ReplicationState != "streaming" {
					return false
				}
			}
			return true
		})
		r.checkSlots(to)
	}
	var n int
	if err := r.pg.Conn(2).QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d rows, want 3: %v", n, err)
	}
}

func others(id cluster.NodeID) []cluster.NodeID {
	var list []cluster.NodeID
	for i := range cluster.NodeID(3) {
		if i != id {
			list = append(list, i)
		}
	}
	return list
}

// checkSlots: the primary has an active slot for each standby, standbys none.
func (r *rig) checkSlots(primary cluster.NodeID) {
	r.t.Helper()
	for _, n := range r.pg.Nodes() {
		want := 0
		if n.ID == primary {
			want = len(r.pg.Nodes()) - 1
		}
		var active, all int
		err := r.pg.Conn(n.ID).QueryRow(r.t.Context(),
			"SELECT count(*) FILTER (WHERE active), count(*) FROM pg_replication_slots").Scan(&active, &all)
		if err != nil || active != want || all != want {
			r.t.Errorf("node %d has %d slots, %d active, want %d: %v", n.ID, all, active, want, err)
		}
	}
}

// A candidate that cannot replay everything: the switchover is undone.
func TestSwitchoverUndone(t *testing.T) {
	r := newRig(t, 1, func(c *Config) { c.CatchupTimeout = 300 * time.Millisecond })
	r.write(0, 1)
	if err := r.engine.Promote(t.Context(), 0, Switchover, nil); err == nil {
		t.Error("the primary was promoted")
	}
	// The replay is paused after the preflight saw it running, by a lock of a
	// reader that replay must wait for.
	reader := r.pg.Conn(1)
	tx, err := reader.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT * FROM t"); err != nil {
		t.Fatal(err)
	}
	r.pg.Exec(0, "ALTER TABLE t ADD COLUMN m int")
	err = r.engine.Promote(t.Context(), 1, Switchover, nil)
	if err == nil || !strings.Contains(err.Error(), "replay up to") {
		t.Fatalf("promoted although it did not catch up: %v", err)
	}
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 {
		t.Errorf("after the abort: %s", describe(s))
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Log(err)
	}
	r.write(0, 1)
}

func TestStandbyComesBack(t *testing.T) {
	r := newRig(t, 1)
	r.pg.Kill(1)
	r.await("node 1 down", func(s *cluster.Snapshot) bool { return s.Nodes[1].Status == cluster.Down })
	r.await("its position forgotten", func(*cluster.Snapshot) bool { return r.board.Position(1).Forgotten() })
	r.pg.Start(1)
	r.await("node 1 up", func(s *cluster.Snapshot) bool { return s.Nodes[1].Status == cluster.Up })
	if err := r.engine.Detach(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r.start()
	r.await("detached after a restart", func(s *cluster.Snapshot) bool {
		return s.Primary == 0 && s.Nodes[1].Status == cluster.Down && s.Nodes[1].PGUp
	})
	r.pg.Stop(1)
	r.pg.Start(1) // attached at once: it is waited for
	if err := r.engine.Attach(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if s := r.board.Current(); s.Nodes[1].Status != cluster.Up {
		t.Errorf("after attach: %s", describe(s))
	}
	r.stop()
	if err := r.engine.Attach(t.Context(), 1); err != ErrStopped {
		t.Errorf("after the end: %v", err)
	}
}

// Positions follow a need within milliseconds and rest without one.
func TestPositionsOfRealNodes(t *testing.T) {
	r := newRig(t, 1)
	r.write(0)
	var slowest time.Duration
	for range 20 {
		r.pg.Exec(0, "INSERT INTO t VALUES (2)")
		needed := time.Now()
		r.board.Need(needed)
		pgtest.Await(t, 5*time.Second, "a younger sample", func() bool { return !r.board.Position(0).Load().Began.Before(needed) })
		token := r.board.Position(0).Load().LSN
		pgtest.Await(t, 5*time.Second, "the standby to reach it", func() bool { return r.board.Position(1).Load().LSN >= token })
		slowest = max(slowest, time.Since(needed))
	}
	t.Logf("slowest token reached the standby after %v", slowest)
	r.await("the standby to have caught up", func(*cluster.Snapshot) bool {
		p := r.board.Position(1).Load()
		return p.Lag == 0 && p.Epoch == 1
	})
	if polls := r.pollsPerSecond(); polls > 3 {
		t.Errorf("%d polls in an idle second", polls)
	}
}

func (r *rig) pollsPerSecond() int {
	seen := map[string]bool{}
	end := time.Now().Add(time.Second)
	pgtest.Await(r.t, 3*time.Second, "a second to pass", func() bool {
		seen[fmt.Sprint(r.board.Position(0).Load().Began)] = true
		return time.Now().After(end)
	})
	return len(seen)
}
