package failover

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// The primary hangs, all of it, under load and with the default health check.
// It is fenced before the promotion: nothing of it is left.
func TestPrimaryHung(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	stopLoad := r.load(0, 4)
	pgtest.Await(t, 10*time.Second, "some load", func() bool { return r.pg.Position(0) > 0 })
	began := time.Now()
	r.pg.Freeze(0)
	r.await("a new primary", func(s *cluster.Snapshot) bool { return s.Writable() > 0 })
	open := time.Since(began)
	p := r.board.Current().Primary
	r.write(p)
	written := time.Since(began)
	stopLoad()
	r.await("the other following", func(s *cluster.Snapshot) bool { return s.Nodes[3-p].ReplicationState == "streaming" })
	t.Logf("writes open after %v, first row written after %v, standby follows after %v", open, written, time.Since(began))
	if open > 3*silence { // one of them on a machine with nothing else to do
		t.Errorf("writes were open after %v", open)
	}
	i := r.pg.Instance(0)
	if running, err := i.Running(); running || err != nil {
		t.Errorf("the old primary: Running() = %v, %v", running, err)
	}
	if pids, err := i.Machine().ServersIn(i.DataDirectory()); len(pids) > 0 || err != nil {
		t.Errorf("processes %v of the old primary are left, %v", pids, err)
	}
	r.pg.Start(0) // it is not damaged, and not used
	r.await("node 0 refused", func(s *cluster.Snapshot) bool {
		return s.Nodes[0].Status == cluster.Down && strings.Contains(s.Nodes[0].Reason, "claims to be primary")
	})
}

// A hang that costs one probe is forgiven.
func TestPrimaryHungForAMoment(t *testing.T) {
	r := newRig(t, 1)
	r.pg.Freeze(0)
	r.await("a failed probe", func(s *cluster.Snapshot) bool { return !s.Nodes[0].PGUp })
	r.pg.Thaw(0)
	r.await("a good probe", func(s *cluster.Snapshot) bool { return s.Nodes[0].PGUp })
	r.write(0, 1)
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 {
		t.Errorf("after the hang: %s", describe(s))
	}
}

// own is what a standby's primary_conninfo may hold besides the address.
var own = map[string]string{"user": "replicator", "password": `it's a \ one`, "sslmode": "disable", "keepalives_idle": "77"}

// A standby keeps its own replication user and its libpq parameters, whatever
// re-points it: a failover, a switchover, or a start as a standby.
func TestPrimaryConninfoIsKept(t *testing.T) {
	r := newRig(t, 2)
	r.pg.Exec(0, `CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'it''s a \ one'`)
	r.write(0, 1, 2)
	for _, id := range []cluster.NodeID{1, 2} {
		r.useOwn(id)
	}
	r.await("both streaming", func(s *cluster.Snapshot) bool { return r.streaming(s, 1, 2) })
	r.pg.Kill(0)
	r.await("a new primary", func(s *cluster.Snapshot) bool { return s.Writable() > 0 })
	p := r.board.Current().Primary
	r.await("the other following", func(s *cluster.Snapshot) bool { return r.streaming(s, 3-p) })
	r.keeps(3 - p)

	if err := r.engine.Promote(t.Context(), 3-p, Switchover, nil); err != nil {
		t.Fatal(err)
	}
	r.await("the old primary following", func(s *cluster.Snapshot) bool { return r.streaming(s, p) })
	r.keeps(p)
}

func (r *rig) streaming(s *cluster.Snapshot, ids ...cluster.NodeID) bool {
	for _, id := range ids {
		if s.Nodes[id].ReplicationState != "streaming" || s.Nodes[id].Status != cluster.Up {
			return false
		}
	}
	return true
}

// useOwn has a standby follow node 0 with its own parameters.
func (r *rig) useOwn(id cluster.NodeID) {
	r.t.Helper()
	c := r.pg.Node(0).Reached(cluster.Conninfo{}).Set("application_name", r.pg.Node(id).Name)
	for key, value := range own {
		c = c.Set(key, value)
	}
	conn := r.pg.Conn(id)
	if err := alterSystem(context.Background(), conn, "primary_conninfo", c.String()); err != nil {
		r.t.Fatal(err)
	}
	pgtest.Await(r.t, 10*time.Second, "the walreceiver with its own user", func() bool {
		var n int
		err := r.pg.Conn(0).QueryRow(r.t.Context(),
			"SELECT count(*) FROM pg_stat_replication WHERE usename = 'replicator' AND application_name = $1", r.pg.Node(id).Name).Scan(&n)
		return err == nil && n == 1
	})
}

func (r *rig) keeps(id cluster.NodeID) {
	r.t.Helper()
	text, err := currentConninfo(r.t.Context(), r.pg.Conn(id))
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := cluster.ParseConninfo(text)
	if err != nil {
		r.t.Fatal(err)
	}
	for key, want := range own {
		if got := c.Get(key); got != want {
			r.t.Errorf("node %d: %s is %q, want %q", id, key, got, want)
		}
	}
}

// What a standby received while the first failed probe was out may be the last
// that the primary sent before it hung: only what came later is a sign of life.
func TestLastWordsAreNoSignOfLife(t *testing.T) {
	for _, c := range []struct {
		heard time.Duration // after the first failed probe began
		alive bool
	}{{-time.Second, false}, {5 * time.Millisecond, false}, {2100 * time.Millisecond, true}} {
		b := &book{t: t, dir: t.TempDir(), now: epochStart}
		b.open()
		b.everybodyWell()
		s := &stepper{State: b.state.clone(), now: b.now.Add(4 * time.Second)}
		p, began := &s.Nodes[0], b.now
		p.note(Report{Began: began, Outcome: Silent}, began.Add(2*time.Second))
		s.Nodes[1].Last.Began = began.Add(3 * time.Second)
		s.Nodes[1].Last.Receiver.Age = 3*time.Second - c.heard
		s.Nodes[2].Last.Receiver = Receiver{}
		if got := s.heardByStandbys(p); got != c.alive {
			t.Errorf("heard %v after the probe began: alive is %v", c.heard, got)
		}
	}
}
