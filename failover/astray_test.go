package failover

import (
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// A standby that was down while another became the primary follows that one
// when it is back, without anybody's help; so it does when pgherd was restarted
// in between.
func TestStandbyWasAwayDuringAFailover(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	r.pg.Kill(2)
	r.await("node 2 down", func(s *cluster.Snapshot) bool { return s.Nodes[2].Status == cluster.Down })
	r.pg.Kill(0)
	r.await("node 1 to lead", func(s *cluster.Snapshot) bool { return s.Writable() == 1 })
	r.write(1)
	r.stop()
	r.start()
	r.pg.Start(2)
	r.await("node 2 to follow node 1", func(s *cluster.Snapshot) bool { return s.Writable() == 1 && r.streaming(s, 2) })
	r.pg.AwaitCaughtUp(1, 2)
	var rows int
	if err := r.pg.Conn(2).QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d rows, %v; want 2", rows, err)
	}
}
