package failover

import (
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

const (
	idlePoll   = time.Second            // while nobody needs a position
	needPoll   = time.Millisecond       // at least between two polls of a node
	slowPoll   = 64 * time.Millisecond  // of a standby that does not move
	failedPoll = 250 * time.Millisecond // after an error
)

// pace decides when a node's position is polled next. It is a plain value.
type pace struct {
	last   time.Time // the beginning of the last poll
	lsn    cluster.LSN
	still  int // polls in a row in which it was behind and did not move
	failed bool
}

// primaryDue: at once while somebody needs a sample younger than the last.
func (p pace) primaryDue(needed time.Time) time.Time {
	switch {
	case p.failed:
		return p.last.Add(failedPoll)
	case needed.After(p.last):
		return p.last.Add(needPoll)
	}
	return p.last.Add(idlePoll)
}

// standbyDue: while the standby is behind target, the primary's newest sample;
// ever more seldom while it stands still.
func (p pace) standbyDue(target cluster.LSN) time.Time {
	switch {
	case p.failed:
		return p.last.Add(failedPoll)
	case p.lsn < target:
		return p.last.Add(min(needPoll<<min(p.still, 16), slowPoll))
	}
	return p.last.Add(idlePoll)
}

// polled is the pace after a poll that began then and found lsn.
func (p pace) polled(began time.Time, lsn, target cluster.LSN) pace {
	next := pace{last: began, lsn: lsn}
	if lsn == p.lsn && lsn < target {
		next.still = p.still + 1
	}
	return next
}

// missed is the pace after a poll that failed.
func (p pace) missed(began time.Time) pace {
	return pace{last: began, lsn: p.lsn, failed: true}
}

const (
	historySize = 1024
	historyGap  = 10 * time.Millisecond // between entries: 1024 reach ten seconds back and more
)

// history remembers where the primary was, to tell how late a standby is.
type history struct {
	marks  [historySize]mark
	first  int // of the oldest
	count  int
	newest mark
}

// mark: the primary was at lsn, last seen so at the time at.
type mark struct {
	at  time.Time
	lsn cluster.LSN
}

func (h *history) mark(i int) *mark { return &h.marks[(h.first+i)%historySize] }

// add notes a sample of the primary; samples come in order.
func (h *history) add(at time.Time, lsn cluster.LSN) {
	h.newest = mark{at, lsn}
	if h.count > 0 {
		last := h.mark(h.count - 1)
		if last.lsn == lsn {
			last.at = at
			return
		}
		if at.Sub(last.at) < historyGap {
			return
		}
	}
	if h.count == historySize {
		h.first, h.count = (h.first+1)%historySize, h.count-1
	}
	*h.mark(h.count) = h.newest
	h.count++
}

// lag is how long before at the primary was where a standby is now: 0 when that
// is its newest position, a lower bound when the history does not reach back.
func (h *history) lag(at time.Time, lsn cluster.LSN) time.Duration {
	if h.count == 0 || lsn >= h.newest.lsn {
		return 0
	}
	i := h.count - 1
	for i > 0 && h.mark(i).lsn > lsn {
		i--
	}
	return max(at.Sub(h.mark(i).at), 0)
}
