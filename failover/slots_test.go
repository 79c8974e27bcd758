package failover

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// A former primary that comes back by itself, as a standby, loses the slots by which
// others followed it: nobody moves them on, and they would fill its disk. Those of
// others stay.
func TestFormerPrimaryLosesItsSlots(t *testing.T) {
	r := newRig(t, 1)
	r.stop()
	for _, name := range []string{"pgherd_0", "pgherd_1", "somebodys"} {
		r.pg.Exec(1, "SELECT pg_create_physical_replication_slot($1, true)", name)
	}
	r.start()
	r.await("all nodes up", r.allUp)
	slots := func(id cluster.NodeID) []string {
		rows, err := r.pg.Conn(id).Query(t.Context(), "SELECT slot_name::text FROM pg_replication_slots")
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	pgtest.Await(t, 10*time.Second, "the slots to go", func() bool { return slices.Equal(slots(1), []string{"somebodys"}) })
	if got := slots(0); !slices.Equal(got, []string{"pgherd_1"}) {
		t.Errorf("the primary has the slots %v", got)
	}
}
