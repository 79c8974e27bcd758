package failover

import (
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// The primary's machine hangs and nobody can stop it. Its connections stay
// open, so the receivers must be stopped before positions are compared. When it
// goes on it is not used.
func TestPrimarySilent(t *testing.T) {
	r := newRig(t, 2, func(c *Config) {
		c.HealthCheck.Timeout = 500 * time.Millisecond // by far enough for those that answer
		for i := range c.Nodes {
			c.Nodes[i].Access = cluster.AccessNone
		}
	})
	r.write(0, 1, 2)
	began := time.Now()
	r.pg.Freeze(0)
	r.engine.Suspect(0, nil)
	r.await("a new primary", func(s *cluster.Snapshot) bool { return s.Writable() > 0 })
	t.Logf("writes open after %v", time.Since(began))
	p := r.board.Current().Primary
	r.write(p)
	r.await("the other following", func(s *cluster.Snapshot) bool { return s.Nodes[3-p].ReplicationState == "streaming" })
	r.pg.Thaw(0)
	r.await("node 0 refused", func(s *cluster.Snapshot) bool {
		return s.Nodes[0].PGUp && strings.Contains(s.Nodes[0].Reason, "claims to be primary")
	})
	if s := r.board.Current(); s.Writable() != p || s.Epoch != 2 {
		t.Errorf("after the old primary came back: %s", describe(s))
	}
}
