package failover

import (
	"sort"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

const (
	idlePoll   = time.Second            // while nobody needs a position
	needPoll   = time.Millisecond       // at least between two polls of a node
	slowPoll   = 64 * time.Millisecond  // of a standby that does not move
	needLasts  = 2 * time.Second        // after the last need, standbys are left alone
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

// standbyDue: while the standby is behind target, the primary's newest sample, and
// somebody may care; ever more seldom while it stands still.
func (p pace) standbyDue(target cluster.LSN, needed time.Time) time.Time {
	switch {
	case p.failed:
		return p.last.Add(failedPoll)
	case p.lsn < target && needed.Add(needLasts).After(p.last):
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
	historySize = 16 << 10
	historyGap  = time.Millisecond // between entries: all together reach 16 s back and more
)

// history remembers where the primary was, to tell how late a standby is.
type history struct {
	marks  []mark // a ring of historySize once it is full
	first  int    // of the oldest
	newest cluster.LSN
}

// mark: the primary was first seen to be at lsn at the time at.
type mark struct {
	at  time.Time
	lsn cluster.LSN
}

func (h *history) mark(i int) *mark { return &h.marks[(h.first+i)%len(h.marks)] }

// add notes a sample of the primary; samples come in order.
func (h *history) add(at time.Time, lsn cluster.LSN) {
	if len(h.marks) > 0 && lsn <= h.newest {
		return
	}
	h.newest = lsn
	if n := len(h.marks); n > 0 && at.Sub(h.mark(n-1).at) < historyGap {
		h.mark(n - 1).lsn = lsn
		return
	}
	if len(h.marks) < historySize {
		h.marks = append(h.marks, mark{at, lsn})
		return
	}
	h.marks[h.first] = mark{at, lsn}
	h.first = (h.first + 1) % historySize
}

// lag is for how long, before at, the primary is known to have been beyond lsn: 0
// when it is not, less than the truth when the history does not reach back.
func (h *history) lag(at time.Time, lsn cluster.LSN) time.Duration {
	i := sort.Search(len(h.marks), func(i int) bool { return h.mark(i).lsn > lsn })
	if i == len(h.marks) {
		return 0
	}
	return max(at.Sub(h.mark(i).at), 0)
}
