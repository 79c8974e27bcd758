package cluster

import "time"

// Cover says that the primary of Epoch shows all that a standby had shown by Until.
// A commit reaches a standby before the primary shows it: with the log, while the
// one who commits has yet to be told that it is flushed, or replicated.
type Cover struct {
	Epoch Epoch
	Until time.Time // exclusive
}

// Cover returns what is known of a standby last; the zero Cover when nothing is.
func (p *Position) Cover() Cover {
	if c := p.cover.Load(); c != nil {
		return *c
	}
	return Cover{}
}

// SetCover notes the cover of a standby and tells the watchers.
func (b *Board) SetCover(id NodeID, c Cover) {
	b.positions[id].cover.Store(&c)
	b.notify()
}

// NeedCover asks for a cover of a standby that reaches beyond at.
func (b *Board) NeedCover(id NodeID, at time.Time) {
	needed, n := &b.positions[id].coverNeeded, int64(at.Sub(b.origin))
	for old := needed.Load(); old < n && !needed.CompareAndSwap(old, n); {
		old = needed.Load()
	}
	select {
	case b.coverDemand <- struct{}{}:
	default:
	}
}

// CoverNeeded reports whether a cover of a standby has been asked for, in epoch, that
// is not there yet.
func (b *Board) CoverNeeded(id NodeID, epoch Epoch) bool {
	n := b.positions[id].coverNeeded.Load()
	c := b.positions[id].Cover()
	return n != 0 && (c.Epoch != epoch || int64(c.Until.Sub(b.origin)) <= n)
}

// CoverDemand receives after a NeedCover. It has one slot, for one receiver.
func (b *Board) CoverDemand() <-chan struct{} { return b.coverDemand }
