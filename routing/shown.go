package routing

import (
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// Shown is the last answer that a session had from a standby. The zero Shown is for
// none that the primary might not know of.
type Shown struct {
	From  cluster.NodeID
	At    time.Time
	Epoch cluster.Epoch
}

// Ahead reports whether a standby has shown the session what the primary may not
// show yet: it must wait for the standby's Cover before it goes to the primary. Once
// covered, the answer is forgotten; so it is in another epoch, whose primary has
// replayed all that it has.
func (s *Session) Ahead(b *cluster.Board) bool {
	if s.Shown.At.IsZero() {
		return false
	}
	epoch := b.Current().Epoch
	c := b.Position(s.Shown.From).Cover()
	covered := c.Epoch == epoch && c.Until.After(s.Shown.At)
	if s.Shown.Epoch == epoch && s.Consistency != config.ConsistencyEventual && !covered {
		return true
	}
	s.Shown = Shown{}
	return false
}
