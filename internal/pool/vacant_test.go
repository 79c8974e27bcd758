package pool

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

func (b *bench) has(p *Pool) bool {
	for _, other := range b.pools.all() {
		if p == other {
			return true
		}
	}
	return false
}

// pass has the reaper look after the pools n times.
func (b *bench) pass(n int) {
	for range n {
		b.pools.reapOnce(b.pools.ticks.Add(1))
	}
}

// Ensure that pools are forgotten when nobody uses them, not before, and that who
// still knows of one finds another.
func TestVacantPoolIsForgotten(t *testing.T) {
	b := newBench(t, 1, 1)
	s := b.server(b.want(0))
	b.pass(5)
	b.release(s)
	b.pass(5)
	if !b.has(b.pool) {
		t.Fatal("a pool with a connection was forgotten")
	}
	b.discard(b.server(b.want(0)))
	b.pass(5)
	if b.has(b.pool) {
		t.Fatal("nothing is left of the pool, and it is still there")
	}
	if err := b.err(b.want(0)); !errors.Is(err, ErrRetired) {
		t.Error("who joins the forgotten pool gets", err)
	}
	b.pool = b.pools.Pool(b.pool.key)
	b.release(b.server(b.want(0)))
}

// Ensure that a refusal is remembered for as long as it holds.
func TestRefusedPoolIsForgotten(t *testing.T) {
	b := newBench(t, 1, 1)
	c := *b.pools.config()
	c.LoginRetry = 10 * time.Second
	b.pools.Configure(c)
	b.node.set(wire.Fatalf("28000", "no entry in pg_hba.conf"), nil)
	if err := b.err(b.want(0)); err == nil {
		t.Fatal("the node let us in")
	}
	b.pass(5)
	if !b.has(b.pool) {
		t.Error("the refusal was forgotten too early")
	}
	b.pass(10)
	if b.has(b.pool) || len(b.pools.complaints) > 0 {
		t.Error("the refusal is still remembered")
	}
}

// Ensure that invented names don't fill the memory, not even between two ticks.
func TestNumberOfPoolsIsBounded(t *testing.T) {
	b := newBench(t, 1, 1)
	s := b.server(b.want(0))
	for i := range 10 * manyPools {
		b.pools.Pool(Key{0, fmt.Sprint("db", i), "u"})
		if n := len(b.pools.all()); i%100 == 0 && n > 2*manyPools {
			t.Fatal("there are", n, "pools")
		}
	}
	if !b.has(b.pool) {
		t.Error("a pool in use was forgotten")
	}
	b.release(s)
}
