package pool

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// limit gives all pools of a bench the same limits.
func (b *bench) limit(l Limits, retry time.Duration) {
	c := *b.pools.config()
	c.Limits, c.LoginRetry = func(Key) Limits { return l }, retry
	b.pools.Configure(c)
}

func (b *bench) ofUser(user string) *Pool { return b.pools.Pool(Key{0, "db", user}) }

func openOf(p *Pool) int {
	open, _, _, _ := countsOf(p)
	return open
}

// booksBalance asserts that the ledger knows of exactly what is open.
func (b *bench) booksBalance() {
	b.Helper()
	b.await("the books to balance", func() bool {
		open := 0
		for _, p := range b.pools.all() {
			open += openOf(p)
		}
		b.pools.ledger.mu.Lock()
		defer b.pools.ledger.mu.Unlock()
		return b.pools.ledger.open[share{0, "db", ""}] == open
	})
}

// Ensure that a pool at the limit of its database gets the place of the server
// that another one has not used for longest.
func TestLimitEvictsIdle(t *testing.T) {
	b := newBench(t, 5, 2)
	b.limit(Limits{Size: 5, MaxDatabase: 2}, 0)
	older, newer, third := b.ofUser("a"), b.ofUser("b"), b.ofUser("c")
	b.release(b.server(b.wantOf(older, 0)))
	b.pools.ticks.Add(1)
	b.release(b.server(b.wantOf(newer, 1)))
	s := b.server(b.wantOf(third, 0))
	if openOf(older) != 0 || openOf(newer) != 1 {
		t.Errorf("open: %d of the older, %d of the newer", openOf(older), openOf(newer))
	}
	b.release(s)
	b.booksBalance()
}

// Ensure that places go to those who have waited longest, whatever pool they
// wait in, as soon as another pool frees one.
func TestLimitIsFirstComeFirstServed(t *testing.T) {
	for _, limits := range []Limits{{Size: 5, MaxDatabase: 1}, {Size: 5, MaxDatabase: 1, MaxUser: 1}} {
		b := newBench(t, 5, 2)
		b.limit(limits, 0)
		one, two := b.ofUser("a"), b.ofUser("b")
		held := b.server(b.wantOf(one, 0))
		first, second, third := b.wantOf(two, 1), b.wantOf(one, 0), b.wantOf(two, 0)
		b.waits(first)
		b.release(held)
		held = b.server(first)
		b.waits(second)
		b.release(held)
		held = b.server(second)
		b.waits(third)
		b.discard(held)
		b.release(b.server(third))
		b.booksBalance()
	}
}

// Ensure that a waiter who leaves does not keep others from their servers.
func TestLimitForgetsWhoLeft(t *testing.T) {
	b := newBench(t, 5, 1)
	b.limit(Limits{Size: 5, MaxUser: 1}, 0)
	one := b.pools.Pool(Key{0, "x", "u"})
	two := b.pools.Pool(Key{0, "y", "u"})
	held := b.server(b.wantOf(one, 0))
	gone := b.wantOf(two, 0)
	gone.giveUp()
	b.err(gone)
	next := b.wantOf(one, 0)
	b.release(held)
	b.release(b.server(next))
	b.release(b.server(b.wantOf(two, 0)))
	b.release(b.server(b.wantOf(one, 0)))
}

// Ensure that a limit that is raised, or a failed dial, wakes those it held back.
func TestLimitWakes(t *testing.T) {
	b := newBench(t, 5, 1)
	b.limit(Limits{Size: 5, MaxDatabase: 1}, 0)
	held := b.server(b.wantOf(b.ofUser("a"), 0))
	waiting := b.wantOf(b.ofUser("b"), 0)
	b.waits(waiting)
	b.limit(Limits{Size: 5, MaxDatabase: 2}, 0)
	b.release(b.server(waiting))
	b.release(held)

	b.pools.Retire(0)
	b.await("all to be closed", func() bool { return openOf(b.ofUser("a"))+openOf(b.ofUser("b")) == 0 })
	b.limit(Limits{Size: 5, MaxDatabase: 1}, 0)
	hold := make(chan struct{})
	b.node.set(wire.Fatalf("28P01", "no"), hold)
	failing := b.wantOf(b.ofUser("a"), 0)
	waiting = b.wantOf(b.ofUser("b"), 0)
	b.await("the login", func() bool { return b.node.count(&b.node.logins) == 3 })
	b.node.set(nil, nil)
	close(hold)
	if err := b.err(failing); err == nil {
		t.Error("no error")
	}
	b.release(b.server(waiting))
	b.booksBalance()
}

// Ensure that no wake-up is lost when pools on two loops fight for two places.
func TestLimitUnderStress(t *testing.T) {
	b := newBench(t, 5, 2)
	b.limit(Limits{Size: 5, MaxDatabase: 2}, 0)
	var wg sync.WaitGroup
	for i := range 12 {
		p, loop := b.ofUser(string(rune('a'+i%4))), b.group.Loops()[i%2]
		wg.Add(1)
		loop.Post(func() { loop.Go(func(task *reactor.Task) { defer wg.Done(); work(t, p, task, 25) }) })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("somebody still waits: %+v", b.pools.ledger.starved)
	}
	b.booksBalance()
}

// work takes and returns a server n times; now and then it breaks one.
func work(t *testing.T, p *Pool, task *reactor.Task, n int) {
	for i := range n {
		s := p.Take(task.Loop())
		if s == nil {
			w := p.Join(task)
			for !w.Done() {
				task.Wait(time.Time{})
			}
			var err error
			if s, err = w.Server(); err != nil {
				t.Error(err)
				return
			}
		}
		if i%7 == 3 {
			p.Discard(s)
		} else {
			p.Release(s)
		}
	}
}

// Ensure that the reserve is for those who have waited long enough.
func TestReserve(t *testing.T) {
	b := newBench(t, 1, 1)
	b.limit(Limits{Size: 1, ReserveSize: 1, ReserveTimeout: 5 * time.Second}, 0)
	held := b.server(b.want(0))
	waiting := b.want(0)
	b.pools.ticks.Store(4)
	b.pools.reapOnce(4)
	b.waits(waiting)
	b.pools.ticks.Store(5)
	b.pools.reapOnce(5)
	extra := b.server(waiting)
	late := b.want(0)
	b.waits(late)
	b.release(extra)
	b.release(b.server(late))
	b.release(held)
}

// Ensure that a pool in use keeps its least size, and gives up the rest.
func TestMinSize(t *testing.T) {
	b := newBench(t, 5, 1)
	b.limit(Limits{Size: 5, MinSize: 2}, 0)
	b.pools.reapOnce(1)
	if n := b.node.count(&b.node.logins); n != 0 {
		t.Errorf("%d connections before anybody came", n)
	}
	b.release(b.server(b.want(0)))
	b.pools.reapOnce(1)
	b.await("two servers", func() bool { open, _, idle, _ := b.counts(); return open == 2 && idle == 2 })
	b.release(b.server(b.want(0)))
	b.pools.reapOnce(5000)
	if open, _, idle, _ := b.counts(); open != 2 || idle != 2 {
		t.Errorf("open %d, idle %d; two were to stay", open, idle)
	}
	b.pools.Retire(0)
	b.await("none", func() bool { open, _, _, _ := b.counts(); return open == 0 })
	b.pools.reapOnce(5001)
	if open, _, _, _ := b.counts(); open != 0 {
		t.Error("servers are opened on a node that went out of use")
	}
}

// Ensure that a server that is too old is replaced, idle or not.
func TestLifetime(t *testing.T) {
	b := newBench(t, 1, 1)
	b.limit(Limits{Size: 1, Lifetime: 10 * time.Second}, 0)
	s := b.server(b.want(0))
	if s.expires < 9 || s.expires > 10 {
		t.Errorf("expires at %d, want 9 to 10", s.expires)
	}
	b.pools.ticks.Store(11)
	waiting := b.want(0)
	b.release(s)
	next := b.server(waiting)
	if next == s {
		t.Error("the old server was handed on")
	}
	b.release(next)
	b.pools.ticks.Store(30)
	b.pools.reapOnce(30)
	b.await("the idle one to be closed", func() bool { open, _, _, _ := b.counts(); return open == 0 })
}

// Ensure that a refused login is repeated to others without asking the node.
func TestLoginRetry(t *testing.T) {
	b := newBench(t, 3, 1)
	b.limit(Limits{Size: 3}, 15*time.Second)
	b.node.set(wire.Fatalf("28P01", "password authentication failed"), nil)
	for range 3 {
		var told *wire.Error
		if err := b.err(b.want(0)); !errors.As(err, &told) || told.Code != "28P01" {
			t.Errorf("got %v", err)
		}
	}
	if n := b.node.count(&b.node.logins); n != 1 {
		t.Errorf("the node was asked %d times", n)
	}
	b.node.set(nil, nil)
	b.pools.ticks.Store(15)
	b.release(b.server(b.want(0)))
}

// Ensure that an unreachable node is tried by one connection at a time.
func TestUnreachableIsTriedOnce(t *testing.T) {
	b := newBench(t, 5, 1)
	b.node.set(wire.Fatalf("57P03", "starting up"), nil)
	b.err(b.want(0))
	hold := make(chan struct{})
	b.node.set(nil, hold)
	clients := []*client{b.want(0), b.want(0), b.want(0)}
	b.await("a login", func() bool { return b.node.count(&b.node.logins) == 2 })
	if open, _, _, _ := b.counts(); open != 1 {
		t.Errorf("%d connections are being made", open)
	}
	close(hold)
	for _, c := range clients {
		defer b.release(b.server(c))
	}
}
