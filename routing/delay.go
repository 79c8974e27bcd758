package routing

import (
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// DelayLimit says how far behind the primary a standby may be, after Pgpool-II's
// parameters. The zero DelayLimit is none.
type DelayLimit struct {
	Bytes  cluster.LSN   // delay_threshold
	Time   time.Duration // delay_threshold_by_time; goes before Bytes
	Lowest bool          // prefer_lower_delay_standby
}

// exceeded reports whether a standby is too far behind. While the primary's
// position is not known, nobody is: there is nothing fresher to be had.
func (d DelayLimit) exceeded(b *cluster.Board, snap *cluster.Snapshot, standby *cluster.Sample) bool {
	if (d.Time == 0 && d.Bytes == 0) || snap.Primary == cluster.NoNode {
		return false
	}
	if standby.Epoch != snap.Epoch {
		return true
	}
	if d.Time > 0 {
		return standby.Lag > d.Time
	}
	primary := b.Position(snap.Primary).Load()
	return primary.Epoch == snap.Epoch && primary.LSN > standby.LSN+d.Bytes
}
