package pool

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pgherd/pgherd/internal/cluster"
)

// share is what pools have in common that a limit counts: a database or a user,
// on one node. The other one is "".
type share struct {
	node           cluster.NodeID
	database, user string
}

func (k Key) shares() [2]share {
	return [2]share{{k.Node, k.Database, ""}, {k.Node, "", k.User}}
}

// ledger counts connections across pools, and knows which pools would open one
// more but for a limit of their database or user. While there is such a pool,
// no connection that stands in its way goes idle: see Pool.yieldsLocked. Pools
// call it with their mutex held; it never calls them.
type ledger struct {
	hungry   atomic.Int32  // len(starved), for those in a hurry
	sequence atomic.Uint64 // numbers the waiters of all pools

	mu      sync.Mutex // guards what follows
	open    map[share]int
	starved []starving
}

// starving is a pool that a limit holds back.
type starving struct {
	pool    *Pool
	since   uint64  // its oldest waiter
	blocked []share // what is full
}

// reserve counts one more connection of p, unless a limit is reached: then p
// is remembered as starving. first tells whether it was not yet.
func (g *ledger) reserve(p *Pool, l Limits, since uint64) (ok, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	blocked := g.countLocked(p.key, l)
	if len(blocked) > 0 {
		return false, g.starveLocked(starving{p, since, blocked})
	}
	g.takeLocked(func(s starving) bool { return s.pool == p })
	return true, false
}

// reserveSpare counts one more connection that nobody waits for, if the limits allow it.
func (g *ledger) reserveSpare(k Key, l Limits) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.countLocked(k, l)) == 0
}

// countLocked counts one more connection, or returns what is full.
func (g *ledger) countLocked(k Key, l Limits) (blocked []share) {
	shares := k.shares()
	for i, limit := range [2]int{l.MaxDatabase, l.MaxUser} {
		if limit > 0 && g.open[shares[i]] >= limit {
			blocked = append(blocked, shares[i])
		}
	}
	if len(blocked) == 0 {
		g.open[shares[0]]++
		g.open[shares[1]]++
	}
	return blocked
}

func (g *ledger) starveLocked(s starving) (first bool) {
	i := slices.IndexFunc(g.starved, func(x starving) bool { return x.pool == s.pool })
	if i >= 0 {
		g.starved[i] = s
		return false
	}
	g.starved = append(g.starved, s)
	slices.SortFunc(g.starved, func(a, b starving) int { return cmp.Compare(a.since, b.since) })
	g.hungry.Store(int32(len(g.starved)))
	return true
}

// release counts one connection less, and returns the pools that may now open
// one, who has waited longest first. They are forgotten until they starve again.
func (g *ledger) release(k Key) []starving {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range k.shares() {
		if g.open[s]--; g.open[s] == 0 {
			delete(g.open, s)
		}
	}
	return g.takeLocked(func(s starving) bool { return s.waitsFor(k) })
}

func (g *ledger) takeLocked(want func(starving) bool) (taken []starving) {
	g.starved = slices.DeleteFunc(g.starved, func(s starving) bool {
		if want(s) {
			taken = append(taken, s)
			return true
		}
		return false
	})
	g.hungry.Store(int32(len(g.starved)))
	return taken
}

// before reports whether a starving pool that a connection of k stands in the
// way of has waited since before a waiter.
func (g *ledger) before(k Key, waiter uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.starved, func(s starving) bool { return s.since < waiter && s.waitsFor(k) })
}

// blockers tells whether a connection of k would be worth closing for p.
func (g *ledger) blockers(p *Pool) func(k Key) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.starved {
		if s.pool == p {
			return s.waitsFor
		}
	}
	return func(Key) bool { return false }
}

// waitsFor reports whether s could do with the end of a connection of k.
func (s starving) waitsFor(k Key) bool {
	for _, x := range k.shares() {
		if slices.Contains(s.blocked, x) && s.pool.key != k {
			return true
		}
	}
	return false
}
