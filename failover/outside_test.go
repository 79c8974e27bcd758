package failover

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// While pgherd is away, somebody stops the primary, promotes a standby and has the
// other one follow it: that node is the primary then, and no other is promoted.
func TestPromotedByHand(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	r.stop()
	r.pg.Stop(0)
	r.pg.Exec(1, "SELECT pg_promote()")
	standby := r.pg.Conn(2)
	if err := alterSystem(t.Context(), standby, "primary_conninfo", r.pg.Node(1).PrimaryConninfo(r.pg.Node(2), r.config.Monitor)); err != nil {
		t.Fatal(err)
	}
	r.pg.Exec(2, "ALTER SYSTEM RESET primary_slot_name")
	r.pg.Exec(2, "SELECT pg_reload_conf()")
	conn := r.pg.Conn(1)
	pgtest.Await(t, 30*time.Second, "node 2 to follow node 1", func() bool {
		var streaming bool
		err := conn.QueryRow(t.Context(), "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'").Scan(&streaming)
		return err == nil && streaming
	})
	r.write(1, 2)
	r.start()
	r.await("node 1 to be taken", func(s *cluster.Snapshot) bool {
		return s.Writable() == 1 && s.Nodes[2].Status == cluster.Up && s.Nodes[0].Status == cluster.Down
	})
	changes, err := r.engine.Changes(t.Context())
	if err != nil || len(changes) != 1 || changes[0].Kind != "outside" || changes[0].From != 0 || changes[0].To != 1 {
		t.Errorf("the history of the changes: %+v, %v", changes, err)
	}
	var recovery bool
	if err := r.pg.Conn(2).QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&recovery); err != nil || !recovery {
		t.Errorf("node 2 has been promoted as well: %v", err)
	}
}
