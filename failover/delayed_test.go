package failover

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// A standby with recovery_min_apply_delay is not promoted while another is there.
func TestDelayedStandbyIsNotChosen(t *testing.T) {
	r := newRig(t, 2)
	r.delay(1)
	r.write(0, 2)
	r.pg.Kill(0)
	r.await("node 2 to lead", func(s *cluster.Snapshot) bool { return s.Writable() == 2 })
}

// Where only a delayed standby is left it is promoted, with all that it has
// received. Hooks are told.
func TestDelayedStandbyIsTheLastChoice(t *testing.T) {
	r := newRig(t, 1, func(c *Config) {
		c.Hooks = Hooks{Failover: "echo lost %d of %P, now %m at %r; exit 3", FollowPrimary: "echo %d follows %m"}
	})
	r.delay(1)
	r.write(0)
	sent := r.pg.Position(0)
	pgtest.Await(t, 10*time.Second, "node 1 to receive it", func() bool {
		var got string
		err := r.pg.Conn(1).QueryRow(t.Context(), "SELECT pg_last_wal_receive_lsn()::text").Scan(&got)
		at, bad := cluster.ParseLSN(got)
		return err == nil && bad == nil && at >= sent
	})
	r.pg.Kill(0)
	r.await("node 1 to lead", func(s *cluster.Snapshot) bool { return s.Writable() == 1 })
	var rows int
	if err := r.pg.Conn(1).QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v; want 1", rows, err)
	}
	for _, want := range []string{"failover_command failed", "exit status 3", "lost 0 of 0, now 1 at", "0 follows 1"} {
		r.await("the event: "+want, func(*cluster.Snapshot) bool { return r.told(want) })
	}
}

func (r *rig) delay(id cluster.NodeID) {
	r.t.Helper()
	if err := alterSystem(context.Background(), r.pg.Conn(id), "recovery_min_apply_delay", "1h"); err != nil {
		r.t.Fatal(err)
	}
	r.await("the delay to be seen", func(*cluster.Snapshot) bool {
		var delayed bool
		err := r.pg.Conn(id).QueryRow(context.Background(), "SELECT current_setting('recovery_min_apply_delay') = '1h'").Scan(&delayed)
		return err == nil && delayed
	})
}

func (r *rig) told(text string) bool {
	for _, e := range r.events.List() {
		if strings.Contains(e.Text, text) {
			return true
		}
	}
	return false
}
