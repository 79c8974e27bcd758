package server

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// The answer to a write is on its way when another node becomes the primary, without
// what was written. The client gets the answer, and must hear of the loss before it
// reads anything.
func TestWriteAnsweredAfterFailover(t *testing.T) {
	r := newRig(t, 1, func(s *Config, _ *pool.Config, _ *int) { s.Auth = config.AuthTrust })
	r.cluster.Exec(0, "create table t (n int)")
	r.cluster.AwaitCaughtUp(0, 1)
	holder, watcher := r.cluster.Conn(0), r.cluster.Conn(0) // in a transaction, pg_stat_activity stands still
	exec := func(sql string) {
		if _, err := holder.Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
	}
	inserting := func(wait string) func() bool {
		return func() (yes bool) {
			err := watcher.QueryRow(t.Context(), "select exists (select from pg_stat_activity where query like 'insert into t%' and wait_event_type = $1)", wait).Scan(&yes)
			return err == nil && yes
		}
	}
	exec("begin")
	exec("lock t in exclusive mode")
	c := r.raw()
	c.send(mQuery("insert into t values (1)"))
	pgtest.Await(t, 10*time.Second, "the write to wait", inserting("Lock"))
	failedOver := make(chan struct{})
	r.server.shards[0].loop.Post(func() { // nothing is read meanwhile
		defer close(failedOver)
		exec("commit")
		pgtest.Await(t, 10*time.Second, "the write to be answered", inserting("Client"))
		r.failOver(1)
	})
	<-failedOver
	c.want(1, "C:INSERT_0_1 Z:I")
	c.do("select count(*) from t", "E:40001 Z:I")
}

// failOver makes a node the primary, which has nothing of the epoch that ends.
func (r *rig) failOver(to cluster.NodeID) {
	s := r.board.Current().Clone()
	s.Switches = append(s.Switches, cluster.Switch{Ended: s.Epoch, LSN: 1})
	s.Epoch++
	s.Nodes[s.Primary].Role, s.Nodes[to].Role = cluster.Standby, cluster.Primary
	s.Primary = to
	r.board.Publish(s)
}
