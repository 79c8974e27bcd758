package failover

import (
	"errors"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Pgherd stops in the middle of a switchover, at every stage. The next run must
// undo or finish it: one primary, all others following, nothing lost.
func TestRestartDuringSwitchover(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	rows := 1
	for _, stage := range []string{"checkpoint", "holding writes", "stopping", "must replay", "promoting", "is the primary"} {
		from := r.board.Current().Primary
		to := 1 - from
		// Right after a restart: the preflight waits for the standby to stream.
		err := r.engine.Promote(t.Context(), to, Switchover, func(text string) {
			if strings.Contains(text, stage) {
				r.stop()
			}
		})
		if err != nil && !errors.Is(err, ErrStopped) {
			t.Fatalf("%s: %v", stage, err)
		}
		r.stop()
		r.start()
		r.await("recovery from a stop at "+stage, func(s *cluster.Snapshot) bool {
			return s.Writable() != cluster.NoNode && r.allUp(s)
		})
		p := r.board.Current().Primary
		t.Logf("stopped at %q on the way from node %d to %d: the primary is %d", stage, from, to, p)
		r.write(p, others(p)...)
		rows++
		var n int
		if err := r.pg.Conn(2).QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil || n != rows {
			t.Fatalf("%d rows, want %d: %v", n, rows, err)
		}
	}
}
