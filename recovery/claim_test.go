package recovery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// A standby that is being copied is not recovered, also when one insists.
func TestForceOnASource(t *testing.T) {
	r := newRigOf(t, 2, slowly)
	r.streams(2)
	force := Options{Procedure: Rebuild, Force: true, Source: cluster.NoNode}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	once := sync.OnceFunc(func() {
		err := r.engine.RecoverWith(t.Context(), 2, force, nil)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "node 2 is being copied, for the recovery of node 1") {
			t.Errorf("got %v, want a refusal", err)
		}
		x, err := r.engine.Explain(t.Context(), 2, force)
		if err != nil || len(x.Obstacles) != 1 || !strings.Contains(x.Obstacles[0].Hint, "KILL RECOVERY 1") {
			t.Errorf("explained as %+v, %v", x, err)
		}
		cancel()
	})
	err := r.engine.RecoverWith(ctx, 1, Options{Procedure: Rebuild, Source: 2}, func(p Progress) {
		if p.Step == StepBackup {
			once()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the copy: %v", err)
	}
}

// Of two jobs that have looked at the same time the second is refused.
func TestClaim(t *testing.T) {
	of := func(id cluster.NodeID) *job { return newJob(id, By(Rebuild), nil, nil, time.Unix(0, 0)) }
	prepare := func(id, origin cluster.NodeID) (p prepared) {
		p.node.ID, p.origin.ID = id, origin
		return p
	}
	copier, source, other := of(1), of(2), of(3)
	e := &Engine{running: map[cluster.NodeID]*job{1: copier, 2: source, 3: other}}
	if found := e.claim(copier, prepare(1, 2)); len(found) > 0 {
		t.Errorf("the first: %v", found)
	}
	if found := e.claim(source, prepare(2, 0)); len(found) != 1 || !strings.Contains(found[0].Problem, "is being copied") {
		t.Errorf("its source: %v", found)
	}
	if found := e.claim(other, prepare(3, 1)); len(found) != 1 || !strings.Contains(found[0].Problem, "node 1, the source, is being recovered") {
		t.Errorf("a copy of it: %v", found)
	}
	if found := e.claim(other, prepare(3, 2)); len(found) > 0 {
		t.Errorf("another copy of the source: %v", found)
	}
}
