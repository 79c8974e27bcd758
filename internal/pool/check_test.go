package pool

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// Ensure that an idle connection is asked before it is used, but not too often, and
// replaced if it fails.
func TestCheck(t *testing.T) {
	b := newBench(t, 2, 2)
	b.limit(Limits{Size: 2, CheckQuery: ";", CheckDelay: 10 * time.Second}, 0)
	s := b.server(b.want(0))
	id := s.ID
	asked := func(want int) {
		t.Helper()
		if got := b.node.count(&b.node.checks); got != want {
			t.Errorf("the node has been asked %d times, want %d", got, want)
		}
	}
	for range 3 {
		b.release(s)
		b.pools.ticks.Add(9)
		s = b.server(b.want(0))
	}
	asked(0)
	for loop := range 2 {
		b.release(s)
		b.pools.ticks.Add(10)
		s = b.server(b.want(loop))
		asked(loop + 1)
	}
	if s.ID != id {
		t.Error("another connection was made")
	}
	b.release(s)
	b.pools.ticks.Add(10)
	b.node.mu.Lock()
	b.node.answer = wire.AppendError(nil, wire.Errorf("57P01", "it ends"))
	b.node.mu.Unlock()
	s = b.server(b.want(0))
	asked(3)
	if s.ID == id {
		t.Error("a connection that has failed was used")
	}
	b.release(s)
	if open, leased, idle, waiters := b.counts(); open != 1 || leased != 0 || idle != 1 || waiters != 0 {
		t.Errorf("open %d, leased %d, idle %d, waiting %d", open, leased, idle, waiters)
	}
	b.booksBalance()
}

// Ensure that as many are checked as there are clients, whoever gets which, and that no
// connection is made beside that.
func TestCheckForMany(t *testing.T) {
	const n = 4
	b := newBench(t, n, 2)
	b.limit(Limits{Size: n, CheckQuery: ";"}, 0)
	for range 20 {
		var clients []*client
		for i := range n {
			clients = append(clients, b.want(i%2))
		}
		var servers []*Server
		for _, c := range clients {
			servers = append(servers, b.server(c))
		}
		for _, s := range servers {
			b.release(s)
		}
	}
	if got := b.node.count(&b.node.logins); got != n {
		t.Errorf("%d connections were made, want %d", got, n)
	}
	b.booksBalance()
}
