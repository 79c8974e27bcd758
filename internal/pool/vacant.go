package pool

// Whoever can log in can ask for any database, and for each that he thinks of a pool
// is made. Those that nobody uses are forgotten, as PgBouncer does it by
// autodb_idle_timeout.

// manyPools is how many pools there may be until those that nobody uses are looked
// for at once, and not only by the reaper.
const manyPools = 1000

// vacantLocked reports whether nothing would be missed of a pool but what it
// remembers of the node's refusal: no connections, nobody in line, nobody who watches
// it, and none to be kept open.
func (p *Pool) vacantLocked() bool {
	kept := p.limits.MinSize > 0 && p.home != nil && p.refusal.err == nil
	return p.open == 0 && len(p.waiters) == 0 && len(p.watches) == 0 && !kept
}

// vacate ends the pool if it is vacant: who joins it later is sent away with
// ErrRetired, and finds another one of its key. One that was asked for just now, or
// refused, is left alone unless there is a hurry.
func (p *Pool) vacate(hurry bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	settled := p.tick()-p.asked > 1 && p.tick() >= p.refusal.until
	if !p.vacantLocked() || !settled && !hurry {
		return false
	}
	p.gone = true
	p.ledger.forget(p)
	return true
}

// sweepLocked forgets pools that nobody uses, and what was logged of them.
func (p *Pools) sweepLocked(hurry bool) {
	for k, pool := range p.pools {
		if pool.vacate(hurry) {
			delete(p.pools, k)
			delete(p.complaints, k)
		}
	}
}

// sweep is sweepLocked for the reaper.
func (p *Pools) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweepLocked(false)
}

// boundLocked keeps the number of pools in proportion to those in use, whatever names
// are asked for between two ticks.
func (p *Pools) boundLocked() {
	if len(p.pools) >= p.most {
		p.sweepLocked(true)
		p.most = max(manyPools, 2*len(p.pools))
	}
}

// forget is for a pool that wants nothing any more.
func (g *ledger) forget(p *Pool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.takeLocked(func(s starving) bool { return s.pool == p })
}
