package pool

import "context"

// Here are PgBouncer's commands about the pools of a database; "" stands for all
// databases.

// Pause lets nobody have a server any more: whoever wants one stands in line.
// Idle servers are closed now, leased ones when they come back. It is false when
// the database was paused already.
func (p *Pools) Pause(database string) bool {
	p.gates.Lock()
	defer p.gates.Unlock()
	p.mu.Lock()
	if p.paused[database] {
		p.mu.Unlock()
		return false
	}
	p.paused[database] = true
	p.mu.Unlock()
	for _, pool := range p.of(database) {
		pool.pause()
	}
	return true
}

// Resume undoes Pause; without a database it undoes all of them. It is false when
// there was nothing to undo.
func (p *Pools) Resume(database string) bool {
	p.gates.Lock()
	defer p.gates.Unlock()
	p.mu.Lock()
	paused := p.paused[database] || database == "" && len(p.paused) > 0
	if database == "" {
		clear(p.paused)
	}
	delete(p.paused, database)
	still := p.pausedLocked(database)
	p.mu.Unlock()
	if paused && !still {
		for _, pool := range p.of(database) {
			pool.resume()
		}
	}
	return paused
}

// Paused reports whether a database is paused, by its name or with all others.
func (p *Pools) Paused(database string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.pausedLocked(database)
}

func (p *Pools) pausedLocked(database string) bool {
	return p.holds > 0 || p.paused[""] || p.paused[database]
}

// Hold is Pause of all databases until Release, whatever Pause and Resume do
// meanwhile: a recovery's second stage relies on it. Holds are counted.
func (p *Pools) Hold() {
	p.gates.Lock()
	defer p.gates.Unlock()
	p.mu.Lock()
	p.holds++
	p.mu.Unlock()
	for _, pool := range p.of("") {
		pool.pause()
	}
}

// Release undoes one Hold.
func (p *Pools) Release() {
	p.gates.Lock()
	defer p.gates.Unlock()
	p.mu.Lock()
	p.holds--
	var free []*Pool
	for k, pool := range p.pools {
		if !p.pausedLocked(k.Database) {
			free = append(free, pool)
		}
	}
	p.mu.Unlock()
	for _, pool := range free {
		pool.resume()
	}
}

// Settle waits until nobody holds a server of the database.
func (p *Pools) Settle(ctx context.Context, database string) error {
	return awaitAll(ctx, p.of(database), (*Pool).quietLocked)
}

// Reconnect has every server of the database replaced as soon as it is given back
// (RECONNECT).
func (p *Pools) Reconnect(database string) {
	for _, pool := range p.of(database) {
		pool.renew()
	}
}

// Renewed waits until no server is left that is to be replaced (WAIT_CLOSE).
func (p *Pools) Renewed(ctx context.Context, database string) error {
	return awaitAll(ctx, p.of(database), (*Pool).renewedLocked)
}

// of is the pools of a database.
func (p *Pools) of(database string) []*Pool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []*Pool
	for k, pool := range p.pools {
		if database == "" || k.Database == database {
			all = append(all, pool)
		}
	}
	return all
}

func (p *Pool) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
	p.renewLocked()
}

// resume connects for those who have waited.
func (p *Pool) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = false
	if p.home != nil {
		p.growLocked(p.home)
	}
}

func (p *Pool) renew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renewLocked()
}
