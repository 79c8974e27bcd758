package failover

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
)

func noAccess(c *Config) {
	for i := range c.Nodes {
		c.Nodes[i].Access = cluster.AccessNone
	}
}

// A switchover from a primary that cannot be stopped, with clients that go around
// pgherd: these are ended, what they wrote is on the new primary, the other standby
// follows, and the old primary is left, read-only.
func TestSwitchoverWithoutAccess(t *testing.T) {
	r := newRig(t, 2, noAccess)
	r.write(0, 1, 2)
	if _, err := r.promoteUntil(1, "switchover: node 0 cannot be stopped"); err == nil {
		t.Fatal("it was canceled, and went on")
	}
	r.await("everybody streams", func(s *cluster.Snapshot) bool { return s.Writable() == 0 && r.streaming(s, 1, 2) })
	r.write(0, 1, 2)

	r.pg.Exec(1, "ALTER SYSTEM SET default_transaction_read_only = on") // as if it had been demoted once
	r.pg.Exec(1, "SELECT pg_reload_conf()")
	stopLoad := r.load(0, 4)
	var told []string
	began := time.Now()
	if err := r.engine.Promote(t.Context(), 1, Switchover, func(text string) { told = append(told, text) }); err != nil {
		t.Fatal(err)
	}
	t.Logf("the switchover took %v:\n%s", time.Since(began), strings.Join(told, "\n"))
	stopLoad()
	if !strings.Contains(strings.Join(told, "\n"), "warning: node 0 still runs") {
		t.Error("what it does not guarantee is not told")
	}
	s := r.board.Current()
	if s.Writable() != 1 || s.Epoch != 2 || !s.Switches[0].Complete || s.Nodes[0].Status != cluster.Down {
		t.Errorf("after the switchover: %s", describe(s))
	}
	if old, now := r.count(0), r.count(1); old != now {
		t.Errorf("node 0 has %d rows, node 1 %d", old, now)
	}
	r.write(1, 2)
	_, err := r.pg.Conn(0).Exec(t.Context(), "INSERT INTO t VALUES (9)")
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "25006" {
		t.Errorf("a write to the old primary: %v", err)
	}
	r.await("node 0 told how to come back", func(s *cluster.Snapshot) bool {
		return s.Nodes[0].Status == cluster.Down && strings.Contains(s.Nodes[0].Reason, "claims to be primary, but node 1 is: stop it")
	})
}

func (r *rig) count(node cluster.NodeID) (n int) {
	r.t.Helper()
	if err := r.pg.Conn(node).QueryRow(r.t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// Killed when the old primary is read-only and the epoch is not raised yet, pgherd
// makes it take writes again.
func TestKilledAfterDemotion(t *testing.T) {
	r := newRig(t, 1, noAccess)
	r.write(0, 1)
	r.stop()
	r.bomb = &bomb{}
	r.start()
	r.await("all nodes up", r.allUp)
	r.bomb.left.Store(2) // the first is the intent, and this the raised epoch
	if err := r.engine.Promote(t.Context(), 1, Switchover, nil); err != ErrStopped {
		t.Errorf("the engine was killed: %v", err)
	}
	r.stop()
	r.bomb = nil
	r.start()
	r.await("the old primary", func(s *cluster.Snapshot) bool { return s.Writable() == 0 && s.Hold == cluster.HoldNone })
	r.write(0, 1)
	if s := r.board.Current(); s.Epoch != 1 {
		t.Errorf("epoch %d", s.Epoch)
	}
}
