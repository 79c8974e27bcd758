package recovery

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// moving is an instance whose source stops being the primary while it is rewound.
type moving struct {
	Instance
	r *rig
}

func (m moving) Rewind(ctx context.Context, w host.Rewind) error {
	m.r.db.Stop(w.Source.ID)
	m.r.primary(cluster.NoNode)
	return m.Instance.Rewind(context.WithoutCancel(ctx), w) // to see what it makes of that
}

// The primary goes away in a switchover while a node is rewound to it. Nothing is begun
// that would need it, and the node is known as one to rebuild.
func TestSwitchoverDuringARewind(t *testing.T) {
	r := newRewindRig(t)
	r.diverge(r.db.Stop)
	r.useInstance(moving{r.db.Instance(0), r})
	err := r.engine.Recover(t.Context(), 0, nil)
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepRewind || !errors.Is(err, ErrPrimaryChanged) || !strings.Contains(failed.Left, "has to be rebuilt") {
		t.Fatalf("got %v, want a StepError of the rewind for %v", err, ErrPrimaryChanged)
	}
	r.db.Start(1)
	r.primary(1)
	r.useInstance(r.db.Instance(0))
	r.returns(0, 1, Rebuild, StepBackup)
	r.db.AssertHealthy(1, 0)
}
