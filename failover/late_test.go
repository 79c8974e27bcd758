package failover

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// An answer counts that comes late, while nobody else gets one: the connection of old
// is listened to for as long as new ones are tried.
func TestPrimaryAnswersLate(t *testing.T) {
	r := newRig(t, 1)
	own := r.ownBackends(0)
	all := append(own, r.pg.Postmaster(0))
	signal := func(pids []int, s syscall.Signal) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, s) // one of the coverage's may have ended
		}
	}
	defer signal(all, syscall.SIGCONT)
	signal(all, syscall.SIGSTOP)
	r.await("a failed probe", func(s *cluster.Snapshot) bool { return !s.Nodes[0].PGUp })
	signal(own, syscall.SIGCONT)
	r.await("a good probe", func(s *cluster.Snapshot) bool { return s.Nodes[0].PGUp })
	before := r.engine.Health(0).Success
	r.await("two more", func(*cluster.Snapshot) bool { return r.engine.Health(0).Success >= before+2 })
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 {
		t.Errorf("after late answers: %s", describe(s))
	}
}

// ownBackends are the processes of a node that serve pgherd.
func (r *rig) ownBackends(id cluster.NodeID) (pids []int) {
	r.t.Helper()
	err := r.pg.Conn(id).QueryRow(r.t.Context(),
		"SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'pgherd'").Scan(&pids)
	if err != nil || len(pids) == 0 {
		r.t.Fatalf("pgherd's connections: %v, %v", pids, err)
	}
	return pids
}

// A primary that has much more to do than it can is slow, and not dead.
func TestPrimaryOverloaded(t *testing.T) {
	r := newRig(t, 1)
	r.write(0, 1)
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var group sync.WaitGroup
	for range 24 {
		conn := r.pg.Conn(0)
		group.Go(func() {
			_, _ = conn.Exec(ctx, "SELECT count(*) FROM generate_series(1, 1000000000) n") // until it is canceled
		})
	}
	before := r.engine.Health(0).Total
	group.Wait()
	h := r.engine.Health(0)
	t.Logf("%d checks, the longest took %v", h.Total-before, h.Longest)
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 || h.Fail > 0 {
		t.Errorf("under load: %d failed checks, %s", h.Fail, describe(s))
	}
	pgtest.Await(t, 10*time.Second, "a check behind the load", func() bool { return r.engine.Health(0).Total > h.Total })
}
