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

// What a primary said of its standbys is not true of them any more when it is dead.
func TestPictureForgetsWhoStreamed(t *testing.T) {
	c := Config{Nodes: []cluster.Node{{ID: 0, Name: "n0"}, {ID: 1, Name: "n1"}}}
	s := NewState(c, cluster.Record{Epoch: 1}, time.Unix(1000, 0))
	s.Nodes[0].Last.Followers = []Follower{{Name: "n1", State: "streaming", SyncState: "async"}}
	for status, want := range map[cluster.Status]string{cluster.Up: "streaming", cluster.Quarantine: "", cluster.Down: ""} {
		s.Nodes[0].Status = status
		if n := s.Snapshot().Nodes[1]; n.ReplicationState != want || (n.SyncState == "") != (want == "") {
			t.Errorf("with a primary that is %s: %q %q", status, n.ReplicationState, n.SyncState)
		}
	}
}
