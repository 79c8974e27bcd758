package admin

import (
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Ensure that CHECK advises what would not be refused.
func TestRemedies(t *testing.T) {
	for _, c := range []struct {
		primary cluster.NodeID
		status  cluster.Status
		want    string
	}{
		{0, cluster.Down, "RECOVER NODE 2"},
		{0, cluster.Recovering, "SHOW POOL_RECOVERY"},
		{cluster.NoNode, cluster.Down, "a primary first"},
		{cluster.NoNode, cluster.Quarantine, "as soon as it answers"},
	} {
		b := testBoard()
		s := b.Current().Clone()
		s.Primary, s.Nodes[2].Status = c.primary, c.status
		b.Publish(s)
		found := &checks{Deps: Deps{Board: b}}
		if got := found.remedy(s.Nodes[2]); !strings.Contains(got, c.want) {
			t.Errorf("primary %d, node 2 %s: got %q, want %q", c.primary, c.status, got, c.want)
		}
	}
}
