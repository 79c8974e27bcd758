package failover

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Ensure that new weights are published, and only when they are new.
func TestWeights(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := NewState(Config{Nodes: []cluster.Node{{ID: 0, Weight: 1}, {ID: 1, Weight: 1}}}, cluster.Record{}, now)
	next, actions := Step(s, Weighed{[]float64{0, 3, 9}}, now)
	if len(actions) != 1 || actions[0].Kind != Publish || actions[0].Snapshot.Nodes[1].Weight != 3 {
		t.Fatalf("got %+v", actions)
	}
	if s.Nodes[1].Weight != 1 {
		t.Error("Step has changed its argument")
	}
	if _, actions := Step(next, Weighed{[]float64{0, 3}}, now); len(actions) != 0 {
		t.Errorf("got %+v", actions)
	}
}
