package failover

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Canceled while the old primary stops, a switchover is undone: it runs again, and
// everybody follows it. Canceled once the epoch is raised, it goes on.
func TestPromoteCanceled(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	_, err := r.promoteUntil(1, "switchover: stopping")
	var failed *FailedError
	if !errors.As(err, &failed) || failed.SQLState() != "57014" || failed.Primary != 0 {
		t.Fatalf("canceled: %v", err)
	}
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 {
		t.Errorf("after it was canceled: %s", describe(s))
	}
	r.write(0, 1, 2)
	r.await("everybody streams", func(s *cluster.Snapshot) bool { return r.streaming(s, 1, 2) })
	told, err := r.promoteUntil(1, "promoting")
	if err != nil || !strings.Contains(told, "past the point of no return at step ") {
		t.Errorf("canceled too late: %v\n%s", err, told)
	}
	if s := r.board.Current(); s.Writable() != 1 || !r.allUp(s) {
		t.Errorf("after the switchover: %s", describe(s))
	}
}

// promoteUntil cancels a promotion when it tells that step.
func (r *rig) promoteUntil(node cluster.NodeID, step string) (told string, err error) {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	err = r.engine.Promote(ctx, node, Switchover, func(text string) {
		told += text + "\n"
		if strings.HasPrefix(text, step) {
			cancel()
		}
	})
	return told, err
}
