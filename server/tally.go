package server

import (
	"context"
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/report"
	"github.com/pgherd/pgherd/internal/wire"
)

// tally counts for one database on one loop; only that loop touches it.
type tally struct{ report.Counts }

// tally is where the sessions of a database on this loop count.
func (sh *shard) tally(database string) *tally {
	t := sh.tallies[database]
	if t == nil {
		t = &tally{}
		sh.tallies[database] = t
	}
	return t
}

// clock is when things happened to a session, in time since the server was made.
type clock struct {
	connected time.Duration
	asked     time.Duration // the request under way, or the last one, began
	leased    time.Duration // the request began with which it got its server
	waiting   time.Duration // it has stood in line for a server; 0 = it does not
}

// now reads the clock, cheaply: the monotonic one only.
func (s *Server) now() time.Duration { return time.Since(s.started) }

// now is the loop's clock: it is read once for all that happens at a time.
func (s *session) now() time.Duration { return s.shard.loop.Now().Sub(s.shard.srv.started) }

// at is the time of day of a moment; zero for 0.
func (s *Server) at(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return s.started.Add(d)
}

// began counts a lease.
func (s *session) began() {
	s.tally.Assignments++
	s.clock.leased = s.clock.asked
}

// measure counts an answer that ended with this status.
func (s *session) measure(status wire.TxStatus) {
	now := s.now()
	s.tally.Queries++
	s.tally.InQuery += now - s.clock.asked
	s.clock.asked = now // what follows in the pipeline begins here
	if status == wire.TxIdle {
		s.tally.Transactions++
		s.tally.InTransaction += now - s.clock.leased
		s.clock.leased = now
	}
}

// waits counts the time until stop is called.
func (s *session) waits() (stop func()) {
	from := s.now()
	s.clock.waiting = from
	return func() {
		s.clock.waiting = 0
		s.tally.Waiting += s.now() - from
	}
}

// period is how often averages are taken (PgBouncer's stats_period).
const period = time.Minute

// periods remembers what was counted at the ends of the last two periods.
type periods struct {
	mu           sync.Mutex // guards what follows
	before, last map[string]report.Counts
	length       time.Duration
}

// startPeriods takes note of the counts once a period, until stop is called.
func (s *Server) startPeriods() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				s.endPeriod(ctx)
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

func (s *Server) endPeriod(ctx context.Context) {
	counts, err := s.counts(ctx)
	if err != nil {
		return // the server stops
	}
	p := &s.periods
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.last, p.length = p.last, counts, period
}

// of is what was counted for a database in the last whole period.
func (p *periods) of(database string) (report.Counts, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last[database].Since(p.before[database]), p.length
}
