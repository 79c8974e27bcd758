package failover

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Whoever goes by the picture can tell a node that was detached from one that failed.
func TestPictureTellsWhatIsDetached(t *testing.T) {
	c := Config{Nodes: []cluster.Node{{ID: 0}, {ID: 1}}}
	s := NewState(c, cluster.Record{Epoch: 1, Down: []cluster.NodeID{1}}, time.Unix(1000, 0))
	nodes := s.Snapshot().Nodes
	if nodes[0].Detached || !nodes[1].Detached || nodes[1].Status != cluster.Down {
		t.Errorf("%+v", nodes)
	}
}
