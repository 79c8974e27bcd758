package cluster

import (
	"sync/atomic"
	"time"
)

// Sample is one poll of a node's log position: pg_current_wal_insert_lsn() of
// a primary, pg_last_wal_replay_lsn() of a standby.
type Sample struct {
	Began time.Time // before the query was sent: what was acknowledged earlier is covered
	Epoch Epoch
	LSN   LSN
	Lag   time.Duration // standby: for how long the primary is known to be beyond LSN
	State Replay        // standby
	Delay time.Duration // standby: recovery_min_apply_delay
}

// Replay says what moves a standby's position.
type Replay int

const (
	Follows Replay = iota // it streams from the primary and replays
	Paused                // replay was paused by somebody
	Cut                   // it does not stream from the primary; its position is the last that is surely the primary's
)

func (r Replay) String() string { return [...]string{"follows", "paused", "cut off"}[r] }

// Near reports whether a standby is about to have replayed what the primary has
// now: it is not worth waiting for others.
func (s *Sample) Near(patience time.Duration) bool {
	return s.State == Follows && s.Lag < patience && s.Delay < patience
}

// Position holds a node's newest Sample, and a standby's Cover.
type Position struct {
	sample      atomic.Pointer[Sample]
	cover       atomic.Pointer[Cover]
	coverNeeded atomic.Int64 // nanoseconds since the board's origin; 0 for never
	lost        atomic.Pointer[time.Time]
}

var never = &Sample{}

// Load returns the newest sample; the zero Sample when there was none.
func (p *Position) Load() *Sample {
	if s := p.sample.Load(); s != nil {
		return s
	}
	return never
}

// Forgotten reports whether the position was forgotten and not asked for since.
func (p *Position) Forgotten() bool { return p.sample.Load() == nil && p.lost.Load() != nil }

// LostAfter reports whether the position was forgotten after at: what the node has
// shown by then it may not show any more.
func (p *Position) LostAfter(at time.Time) bool {
	lost := p.lost.Load()
	return lost != nil && lost.After(at)
}

// Position is the place of node id's samples; it stays the same for ever.
func (b *Board) Position(id NodeID) *Position { return &b.positions[id] }

// Record notes a sample of a node and tells the watchers.
func (b *Board) Record(id NodeID, s Sample) {
	b.positions[id].sample.Store(&s)
	b.notify()
}

// Forget drops what is known of a node's position at a time: it counts as far behind.
// Whoever restarts may come back with less than it had shown.
func (b *Board) Forget(id NodeID, at time.Time) {
	b.positions[id].lost.Store(&at)
	b.positions[id].sample.Store(nil)
}

// demand tells the pollers that a session needs a fresher position.
type demand struct {
	at   *atomic.Int64 // unix nanoseconds of the youngest need
	wake chan struct{} // one slot: a need is pending
}

func newDemand() demand { return demand{new(atomic.Int64), make(chan struct{}, 1)} }

// Need asks the pollers for samples that began after at. It costs one atomic
// store when they are awake already.
func (b *Board) Need(at time.Time) {
	b.demand.at.Store(at.UnixNano())
	select {
	case b.demand.wake <- struct{}{}:
	default:
	}
}

// Needed is the time of the youngest Need; zero when there was none.
func (b *Board) Needed() time.Time {
	n := b.demand.at.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// Demand receives after a Need that nobody was awake for. It has one slot, for
// one receiver.
func (b *Board) Demand() <-chan struct{} { return b.demand.wake }
