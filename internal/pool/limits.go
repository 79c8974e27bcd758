package pool

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// Limits is what applies to one pool. The names are PgBouncer's; 0 means no
// limit, except for Size.
type Limits struct {
	Size           int           // default_pool_size, pool_size
	MinSize        int           // min_pool_size
	ReserveSize    int           // reserve_pool_size
	ReserveTimeout time.Duration // reserve_pool_timeout
	MaxDatabase    int           // max_db_connections: of the pools of its database on its node
	MaxUser        int           // max_user_connections: of the pools of its user on its node
	Lifetime       time.Duration // server_lifetime
	CheckDelay     time.Duration // server_check_delay: idle for longer, a connection is asked
	CheckQuery     string        // server_check_query, before it is used; "" = nothing
	Login          Login
}

// Login is how a pool's connections begin.
type Login struct {
	Database string   // on the node; "" = the pool's
	Password string   // of the pool's user; "" = ask Secrets
	Params   []string // names and values for the start-up packet
	Query    string   // carried out before the first use (connect_query)
}

// seconds rounds up to ticks.
func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

// capacityLocked is how many connections may be open: the reserve counts once
// somebody has waited for long enough.
func (p *Pool) capacityLocked() int {
	l := p.limits
	if l.ReserveSize > 0 && len(p.waiters) > 0 && p.tick()-p.waiters[0].since >= seconds(l.ReserveTimeout) {
		return l.Size + l.ReserveSize
	}
	return l.Size
}

// growLocked connects for those who wait, as far as the limits allow: one at a
// time while the node can't be reached, none while it has just refused us and
// there are others to wait for.
func (p *Pool) growLocked(l *reactor.Loop) {
	most := len(p.waiters) - p.checking
	switch {
	case p.paused || p.open > 0 && p.tick() < p.refusal.until:
		return
	case p.unreachable:
		most = min(most, 1)
	}
	for p.dialing < most && p.open < p.capacityLocked() && p.reserveLocked(l) {
		p.dialLocked(l)
	}
}

func (p *Pool) dialLocked(l *reactor.Loop) {
	p.open++
	p.dialing++
	p.dial(l)
}

// reserveLocked asks the ledger for one more connection. When a limit shared
// with other pools is reached, an idle connection of theirs has to go.
func (p *Pool) reserveLocked(l *reactor.Loop) bool {
	ok, first := p.ledger.reserve(p, p.limits, p.waiters[0].number)
	if first {
		post(l, func() { p.makeRoom(p) })
	}
	return ok
}

// grow is growLocked for a pool that another one has made room for.
func (p *Pool) grow(l *reactor.Loop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.growLocked(l)
}

// yieldsLocked reports whether a connection that comes back must be closed, for
// a pool whose client came before any of p's can't open one.
func (p *Pool) yieldsLocked() bool {
	if p.ledger.hungry.Load() == 0 {
		return false
	}
	oldest := uint64(math.MaxUint64)
	if len(p.waiters) > 0 {
		oldest = p.waiters[0].number
	}
	return p.ledger.before(p.key, oldest)
}

// freed passes the place of a connection that has ended on: to those whom it
// was in the way of, and to p itself, in the order in which they have waited.
func (p *Pool) freed(l *reactor.Loop) {
	p.mu.Lock()
	own := starving{pool: p, since: math.MaxUint64}
	if len(p.waiters) > 0 {
		own.since = p.waiters[0].number
	}
	p.mu.Unlock()
	next := append(p.ledger.release(p.key), own)
	slices.SortStableFunc(next, func(a, b starving) int { return cmp.Compare(a.since, b.since) })
	for _, s := range next {
		s.pool.grow(l)
	}
}

// missed passes on the place of a connection that could not be made. p itself
// tries again when somebody joins, or with the next tick.
func (p *Pool) missed(l *reactor.Loop) {
	for _, s := range p.ledger.release(p.key) {
		s.pool.grow(l)
	}
}

// evict closes the connection that has been idle for longest, if it is that of
// candidate.
func (p *Pool) evict(candidate *Server) {
	if p.withdraw(candidate) {
		post(candidate.Conn.Loop(), func() { p.Discard(candidate) })
	}
}

// longestIdle is the connection that was used least recently; nil for none.
func (p *Pool) longestIdle() (s *Server, returned uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.idle {
		if len(list) > 0 && (s == nil || list[0].returned < s.returned) {
			s, returned = list[0], list[0].returned
		}
	}
	return s, returned
}

// makeRoom closes the longest idle connection that is in the way of a starving
// pool. If there is none, the first that comes back is closed: see yieldsLocked.
func (p *Pools) makeRoom(starved *Pool) {
	inTheWay := p.ledger.blockers(starved)
	var oldest *Server
	var least uint32
	for _, pool := range p.all() {
		if !inTheWay(pool.key) {
			continue
		}
		if s, returned := pool.longestIdle(); s != nil && (oldest == nil || returned < least) {
			oldest, least = s, returned
		}
	}
	if oldest != nil {
		oldest.pool.evict(oldest)
	}
}

// refusal is why a node did not let a pool in.
type refusal struct {
	err   error
	until uint32 // tick; before it, the node is not asked again
}

// refusedLocked is the error that a client gets at once: the node has just
// refused the pool, and there is no other connection to wait for.
func (p *Pool) refusedLocked() error {
	if p.refusal.err != nil && p.open == 0 && p.tick() < p.refusal.until {
		return p.refusal.err
	}
	return nil
}

// rememberLocked notes the outcome of a dial.
func (p *Pool) rememberLocked(err error, retry time.Duration) {
	p.unreachable, p.refusal = false, refusal{}
	if err == nil {
		return
	}
	var told *wire.Error
	if unreachable(err) {
		p.unreachable = true
	} else if errors.As(err, &told) {
		p.refusal = refusal{err, p.tick() + seconds(patience(told.Code, retry))}
	}
}

// patience is for how long a refusal holds: one of the user (class 28) for the
// whole of server_login_retry, one for want of resources (class 53) for a
// moment. Others, as of a database that may be created any time, cost little.
func patience(code string, retry time.Duration) time.Duration {
	switch {
	case len(code) == 5 && code[:2] == "28":
		return retry
	case len(code) == 5 && code[:2] == "53":
		return min(retry, time.Second)
	}
	return 0
}

// expiry is the tick at which a connection made now is too old; 0 for never. Up
// to a tenth is taken off, so that those made together don't end together.
func (p *Pool) expiry() uint32 {
	life := p.limits.Lifetime
	if life <= 0 {
		return 0
	}
	return p.tick() + max(1, seconds(life-rand.N(life/10+1)))
}

// tend closes connections that have been idle since before a tick, or are too
// old, and opens what is missing. A few are kept, see MinSize.
func (p *Pool) tend(before uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	spare := p.open - p.limits.MinSize
	for i, list := range p.idle {
		p.idle[i] = slices.DeleteFunc(list, func(s *Server) bool {
			unused := s.returned < before && spare > 0
			if !unused && !s.expired(p.tick()) {
				return false
			}
			spare--
			p.leaseLocked(s)
			post(s.Conn.Loop(), func() { p.Discard(s) })
			return true
		})
	}
	if p.home != nil {
		p.growLocked(p.home)
		p.fillLocked()
	}
}

// fillLocked keeps MinSize connections open, while the node lets us in.
func (p *Pool) fillLocked() {
	missing := min(p.limits.MinSize, p.limits.Size) - p.open
	for ; missing > 0 && !p.paused && !p.unreachable && p.refusal.err == nil && p.ledger.reserveSpare(p.key, p.limits); missing-- {
		p.dialLocked(p.home)
	}
}

// setLimits takes new limits over. What is beyond them is closed when it comes back.
func (p *Pool) setLimits(l Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits, p.refusal = l, refusal{}
	if p.home != nil {
		p.growLocked(p.home)
	}
}
