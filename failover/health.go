package failover

import (
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/report"
)

// health counts a monitor's checks. A probe that fails is repeated up to MaxRetries
// times; all of them are one check.
type health struct {
	mu      sync.Mutex // guards what follows
	sums    report.Health
	began   time.Time // of the check under way
	retries uint64    // of it
}

// note takes a probe into account; most is how often one is repeated.
func (h *health) note(r Report, now time.Time, most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.began.IsZero() {
		h.began = r.Began
	}
	good := r.Outcome == Alive || r.Outcome == Rejected
	if !good && h.retries < uint64(most) {
		h.retries++
		return
	}
	h.end(good, now)
}

func (h *health) end(good bool, now time.Time) {
	s, took := &h.sums, now.Sub(h.began)
	if s.Total++; good {
		s.Success++
		s.LastSuccess = now
	} else {
		s.Fail++
		s.LastFail = now
	}
	s.Last = now
	s.Retries += h.retries
	s.MostRetries = max(s.MostRetries, h.retries)
	if s.Sum += took; s.Total == 1 || took < s.Shortest {
		s.Shortest = took
	}
	s.Longest = max(s.Longest, took)
	h.began, h.retries = time.Time{}, 0
}

// Health is the checks of a node so far; none of a node that is about to be watched.
func (e *Engine) Health(node cluster.NodeID) report.Health {
	m := e.monitor(node)
	if m == nil {
		return report.Health{}
	}
	h := &m.health
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sums
}
