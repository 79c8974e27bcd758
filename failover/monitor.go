package failover

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

const (
	secondSight = 20 * time.Millisecond // between the two looks at a port where nobody listens
	probeGap    = 5 * time.Millisecond  // however many suspicions there are
)

// monitor probes one node, again and again. Between probes it waits on its
// connection, so a server that dies is noticed when the connection breaks.
type monitor struct {
	node    cluster.Node
	config  Config
	report  func(context.Context, cluster.NodeID, Report)
	lost    func(cluster.NodeID) // its connection broke
	alarm   alarm
	name    name
	conn    *pgx.Conn
	late    *attempt      // a try that was not answered in time, and may yet be; or nil
	limit   time.Duration // of the next probe
	health  health
	account account // as of the last answer

	starved bool // it could not probe, for lack of something of pgherd's own
}

func newMonitor(n cluster.Node, c Config, report func(context.Context, cluster.NodeID, Report), lost func(cluster.NodeID)) *monitor {
	return &monitor{node: n, config: c, report: report, lost: lost, limit: patience(Alive, 0, c.HealthCheck),
		name: name{resolve: net.DefaultResolver.LookupHost}}
}

func (m *monitor) run(ctx context.Context) {
	defer m.close()
	defer m.giveUp()
	for failures := 0; ctx.Err() == nil; {
		r := m.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		if m.starves(ctx, r) {
			m.alarm.rest(ctx, m.config.HealthCheck.RetryDelay, m.listen)
			continue
		}
		m.health.note(r, time.Now(), m.config.HealthCheck.MaxRetries)
		m.report(ctx, m.node.ID, r)
		failures++
		if r.Outcome == Alive || r.Outcome == Rejected {
			failures = 0
		}
		if failures == 0 || failures > m.config.HealthCheck.MaxRetries {
			m.giveUp()
		}
		m.limit = patience(r.Outcome, failures, m.config.HealthCheck)
		m.alarm.rest(ctx, pause(r.Outcome, failures, m.config.HealthCheck), m.listen)
	}
}

// starves reports whether r says nothing of the node because pgherd lacked something,
// descriptors for one, to ask it with. That is told once until it is over.
func (m *monitor) starves(ctx context.Context, r Report) bool {
	before := m.starved
	if m.starved = r.Outcome == Unknown; m.starved && !before {
		m.report(ctx, m.node.ID, r)
	}
	return m.starved
}

// pause is how long to wait before the next probe, after failures in a row.
func pause(o Outcome, failures int, c HealthCheck) time.Duration {
	switch {
	case failures == 0:
		return c.Period
	case o == Refused && failures == 1:
		return secondSight
	case failures <= c.MaxRetries, o == Refused, o == Starting:
		return c.RetryDelay
	}
	return c.Period
}

// patience is how long the next probe may take, after failures in a row, before new
// connections are tried beside it.
func patience(o Outcome, failures int, c HealthCheck) time.Duration {
	switch {
	case failures == 0 && c.MaxRetries > 0:
		return c.Timeout / firstShare
	case o == Silent && failures <= c.MaxRetries:
		return c.Timeout / retryShare
	}
	return c.Timeout
}

// listen waits for ctx, or for the end of the connection.
func (m *monitor) listen(ctx context.Context) {
	if m.conn == nil {
		<-ctx.Done()
		return
	}
	if _, err := m.conn.WaitForNotification(ctx); err != nil && m.conn.IsClosed() {
		m.conn = nil
		m.lost(m.node.ID)
	}
}

// probe looks once. An error on a connection of old only leads to a new one:
// what counts is whether the node answers now. Silence took its time already;
// the next probe tries a new connection.
func (m *monitor) probe(ctx context.Context) Report {
	if m.alarm.suspected() {
		m.close()
	}
	old := m.conn != nil
	r, err := m.once(ctx)
	if old && err != nil && outcome(err) != Silent {
		r, err = m.once(ctx)
	}
	if err != nil {
		r.Outcome, r.Detail = outcome(err), detail(err)
	}
	return r
}

func (m *monitor) close() {
	if m.conn != nil {
		hangUp(m.conn)
		m.conn = nil
	}
}

// alarm interrupts a monitor's rest.
type alarm struct {
	mu      sync.Mutex
	rang    bool               // during or before the rest
	suspect bool               // a new connection is to be tried
	stop    context.CancelFunc // ends the rest that is under way
}

// ring never blocks. suspect asks for a new connection.
func (a *alarm) ring(suspect bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rang = true
	a.suspect = a.suspect || suspect
	if a.stop != nil {
		a.stop()
	}
}

// suspected reports, once, whether ring(true) was called.
func (a *alarm) suspected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.suspect
	a.suspect = false
	return was
}

// rest runs sleep for at most d, at least for probeGap, less when it rings.
func (a *alarm) rest(ctx context.Context, d time.Duration, sleep func(context.Context)) {
	began := time.Now()
	nap, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	a.mu.Lock()
	if a.rang {
		cancel()
	}
	a.stop = cancel
	a.mu.Unlock()
	if nap.Err() == nil {
		sleep(nap)
	}
	a.mu.Lock()
	a.stop, a.rang = nil, false
	a.mu.Unlock()
	host.Sleep(ctx, probeGap-time.Since(began))
}
