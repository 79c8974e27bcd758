package pool

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Ensure that while a database is paused nobody gets a server, that Settle waits
// for those who have one, and that resuming serves the line in order.
func TestPause(t *testing.T) {
	for _, database := range []string{"db", ""} {
		b := newBench(t, 2, 2)
		s, spare := b.server(b.want(0)), b.server(b.want(1))
		b.release(spare)
		if !b.pools.Pause(database) || b.pools.Pause(database) || !b.pools.Paused("db") {
			t.Error("the second Pause is not the first")
		}
		settled := make(chan error, 1)
		go func() { settled <- b.pools.Settle(context.Background(), database) }()
		first, second := b.want(0), b.want(1)
		b.waits(first)
		if len(settled) > 0 {
			t.Error("settled with a server leased")
		}
		b.release(s)
		if err := <-settled; err != nil {
			t.Error(err)
		}
		b.await("nothing to be open", func() bool { open, _, _, _ := b.counts(); return open == 0 })
		elsewhere := b.wantOf(b.pools.Pool(Key{0, "db", "other"}), 0)
		b.waits(elsewhere)
		if !b.pools.Resume(database) || b.pools.Resume(database) || b.pools.Paused("db") {
			t.Error("the second Resume is not the first")
		}
		for _, c := range []*client{first, second, elsewhere} {
			b.release(b.server(c))
		}
	}
}

// Ensure that neither RESUME nor another recovery lets clients go on who are held, and
// that a pause outlives the hold.
func TestHold(t *testing.T) {
	b := newBench(t, 2, 1)
	b.pools.Hold()
	b.pools.Hold()
	c := b.want(0)
	b.waits(c)
	if b.pools.Resume("") || !b.pools.Paused("db") {
		t.Error("resumed what was held")
	}
	b.pools.Release()
	b.waits(c)
	b.pools.Pause("db")
	b.pools.Release()
	b.waits(c)
	b.pools.Resume("db")
	b.release(b.server(c))
}

// Ensure that a database stays paused when the pause of all others ends, and the
// other way round, and that others are not held up.
func TestPauseOfOneDatabase(t *testing.T) {
	b := newBench(t, 2, 1)
	b.pools.Pause("db")
	b.release(b.server(b.wantOf(b.pools.Pool(Key{0, "other", "u"}), 0)))
	c := b.want(0)
	b.waits(c)
	if b.pools.Resume("other") {
		t.Error("resumed what was not paused")
	}
	b.pools.Pause("")
	b.pools.Resume("db")
	b.waits(c)
	b.pools.Resume("")
	b.release(b.server(c))
}

// Ensure that Reconnect replaces each server when it is given back, and that
// Renewed waits for the last.
func TestReconnect(t *testing.T) {
	b := newBench(t, 2, 1)
	s, spare := b.server(b.want(0)), b.server(b.want(0))
	b.release(spare)
	b.pools.Reconnect("db")
	if r := s.Report(); !r.CloseNeeded {
		t.Error("the leased server need not be closed")
	}
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := b.pools.Renewed(short, "db"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with an old server: %v", err)
	}
	fresh := b.server(b.want(0))
	if fresh == spare || fresh.Report().CloseNeeded {
		t.Error("an old server was handed out")
	}
	b.release(s)
	if err := b.pools.Renewed(context.Background(), "db"); err != nil {
		t.Error(err)
	}
	b.release(fresh)
	if again := b.server(b.want(0)); again != fresh {
		t.Error("a new server was replaced")
	} else {
		b.release(again)
	}
}
