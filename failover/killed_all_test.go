package failover

import (
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// The primary goes on without standbys. When everybody has died there is no primary,
// and the one that was is taken again when they are back: with it nothing is lost.
func TestEverybodyKilled(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	r.pg.Kill(1)
	r.pg.Kill(2)
	r.await("both standbys down", func(s *cluster.Snapshot) bool {
		return s.Nodes[1].Status == cluster.Down && s.Nodes[2].Status == cluster.Down
	})
	r.write(0)
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 {
		t.Errorf("without standbys: %s", describe(s))
	}
	r.pg.Kill(0)
	r.await("no primary", func(s *cluster.Snapshot) bool {
		return s.Writable() == cluster.NoNode && s.Nodes[0].Status == cluster.Quarantine
	})
	for id := range cluster.NodeID(3) {
		r.pg.Start(id)
	}
	r.await("everybody back", func(s *cluster.Snapshot) bool { return s.Writable() == 0 && r.streaming(s, 1, 2) })
	r.write(0, 1, 2)
	if s := r.board.Current(); s.Epoch != 1 || r.count(2) != 3 {
		t.Errorf("%d rows, %s", r.count(2), describe(s))
	}
}

// Primary and one standby die at once: the last one takes over, and those that come
// back later are not the primary.
func TestTwoKilled(t *testing.T) {
	r := newRig(t, 2)
	r.write(0, 1, 2)
	r.pg.Kill(1)
	r.pg.Kill(0)
	r.await("the last one", func(s *cluster.Snapshot) bool { return s.Writable() == 2 })
	r.write(2)
	r.pg.Start(1)
	r.await("node 1 following", func(s *cluster.Snapshot) bool { return r.streaming(s, 1) })
	r.pg.Start(0)
	r.await("node 0 refused", func(s *cluster.Snapshot) bool { return s.Nodes[0].PGUp && s.Nodes[0].Status == cluster.Down })
	r.pg.AwaitCaughtUp(2, 1)
	if s := r.board.Current(); s.Writable() != 2 || s.Epoch != 2 || r.count(1) != 2 {
		t.Errorf("%d rows, %s", r.count(1), describe(s))
	}
}
