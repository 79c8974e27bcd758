package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// Ensure that the line is first come, first served, across loops, and that the
// limit holds.
func TestFirstComeFirstServed(t *testing.T) {
	for _, loops := range []int{1, 2} {
		b := newBench(t, 1, loops)
		s := b.server(b.want(0))
		var line []*client
		for i := range 6 {
			line = append(line, b.want(i%loops))
		}
		for i, c := range line {
			for _, later := range line[i:] {
				if len(later.got) > 0 {
					t.Fatalf("client %d was served out of turn", i)
				}
			}
			b.release(s)
			if s = b.server(c); s.Conn.Loop() != c.loop {
				t.Error("the server is on another loop than its client")
			}
		}
		b.release(s)
		if n := b.node.count(&b.node.logins); n != 1 {
			t.Errorf("%d connections were made, want 1", n)
		}
	}
}

// Ensure that an idle server of another loop is taken rather than one connected,
// and that one on its way to a client that left comes back.
func TestStolenServer(t *testing.T) {
	b := newBench(t, 1, 2)
	s := b.server(b.want(0))
	b.release(s)
	other := b.want(1)
	if got := b.server(other); got != s || got.Conn.Loop() != other.loop {
		t.Fatal("not the same server on the other loop")
	}
	b.release(s)
	block := make(chan struct{})
	other.loop.Post(func() { <-block }) // holds the server up
	c := b.want(0)
	c.giveUp()
	close(block)
	if err := b.err(c); err != nil {
		t.Error(err)
	}
	b.await("the server to be idle", func() bool { open, leased, idle, _ := b.counts(); return open == 1 && leased == 0 && idle == 1 })
	b.release(b.server(b.want(1)))
}

func TestWaiterLeaves(t *testing.T) {
	b := newBench(t, 1, 2)
	s := b.server(b.want(0))
	first, second := b.want(1), b.want(0)
	first.giveUp()
	b.err(first)
	b.release(s)
	b.release(b.server(second))
}

// Ensure that a server is not handed on while a cancel request for it is under way.
func TestCancelHoldsServerBack(t *testing.T) {
	b := newBench(t, 1, 1)
	s := b.server(b.want(0))
	b.on(s.Conn.Loop(), func() { b.pools.Cancel(s) })
	b.await("the cancel request", func() bool { return b.node.count(&b.node.cancels) == 1 })
	next := b.want(0)
	b.release(s)
	b.waits(next)
	close(b.node.cancel)
	if got := b.server(next); got != s {
		t.Error("another server came")
	}
	b.release(s)
}

// Ensure that of many cancel requests one is sent at a time, and that the last
// is not lost: what runs by then may be something else.
func TestCancelStormIsHeldBack(t *testing.T) {
	b := newBench(t, 1, 1)
	s := b.server(b.want(0))
	storm := func() {
		for range 1000 {
			b.pools.Cancel(s)
		}
	}
	b.on(s.Conn.Loop(), storm)
	b.await("a cancel request", func() bool { return b.node.count(&b.node.cancels) == 1 })
	b.on(s.Conn.Loop(), storm)
	close(b.node.cancel)
	b.await("the one behind it", func() bool { return b.node.count(&b.node.cancels) == 2 })
	b.release(s)
	b.release(b.server(b.want(0))) // nothing holds it back
	if n := b.node.count(&b.node.cancels); n != 2 {
		t.Errorf("%d cancel requests were sent", n)
	}
}

// Ensure that retiring closes what is idle now and what is leased later, and
// sends the waiters away; and that the node can be used again.
func TestRetire(t *testing.T) {
	b := newBench(t, 2, 2)
	s1, s2 := b.server(b.want(0)), b.server(b.want(1))
	waiting := b.want(0)
	b.pools.Retire(0)
	if err := b.err(waiting); !errors.Is(err, ErrRetired) {
		t.Errorf("the waiter got %v", err)
	}
	b.release(s1)
	if open, leased, idle, _ := b.counts(); open != 1 || leased != 1 || idle != 0 {
		t.Errorf("open %d, leased %d, idle %d", open, leased, idle)
	}
	fresh := b.server(b.want(0))
	b.release(fresh)
	b.release(s2)
	b.pools.Retire(0)
	b.await("nothing to be open", func() bool { open, leased, _, _ := b.counts(); return open+leased == 0 })
}

func TestQuiesce(t *testing.T) {
	b := newBench(t, 2, 1)
	s := b.server(b.want(0))
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := b.pools.Quiesce(short, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a server leased: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- b.pools.Quiesce(context.Background(), 0) }()
	b.release(s)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Ensure that who waits for a connection that can't be made is told, with the
// node's words.
func TestDialErrors(t *testing.T) {
	b := newBench(t, 2, 2)
	b.node.set(wire.Fatalf("3D000", "no such database"), nil)
	for loop := range 2 {
		err := b.err(b.want(loop))
		var dial *DialError
		var told *wire.Error
		if !errors.As(err, &dial) || dial.Unreachable() || !errors.As(err, &told) || told.Code != "3D000" {
			t.Errorf("got %v", err)
		}
	}
	b.node.set(wire.Fatalf("57P03", "starting up"), nil)
	var dial *DialError
	if err := b.err(b.want(0)); !errors.As(err, &dial) || !dial.Unreachable() {
		t.Errorf("got %v", err)
	}
	b.node.set(nil, nil)
	b.node.endAtOnce(wire.Fatalf("57P01", "terminating connection due to administrator command"))
	if err := b.err(b.want(0)); !errors.As(err, &dial) || !dial.Unreachable() {
		t.Errorf("a server that ends right behind ReadyForQuery: %v", err)
	}
	b.node.listener.Close()
	if err := b.err(b.want(0)); !errors.As(err, &dial) || !dial.Unreachable() {
		t.Errorf("got %v", err)
	}
	if open, leased, _, waiters := b.counts(); open+leased+waiters != 0 {
		t.Errorf("open %d, leased %d, waiters %d", open, leased, waiters)
	}
}

// Ensure that a server that ends while it is idle is not handed out, and that a
// discarded one makes room.
func TestServerEnds(t *testing.T) {
	b := newBench(t, 1, 1)
	s := b.server(b.want(0))
	b.release(s)
	b.node.breakAll()
	b.await("the server to be gone", func() bool { open, _, _, _ := b.counts(); return open == 0 })
	next := b.server(b.want(0))
	waiting := b.want(0)
	b.discard(next)
	b.release(b.server(waiting))
	if n := b.node.count(&b.node.logins); n != 3 {
		t.Errorf("%d connections were made, want 3", n)
	}
}

func TestReaper(t *testing.T) {
	b := newBench(t, 2, 1)
	s1, s2 := b.server(b.want(0)), b.server(b.want(0))
	b.release(s1)
	b.on(s2.Conn.Loop(), func() {
		b.pools.ticks.Store(1000)
		b.pool.Release(s2)
	})
	b.pools.reapOnce(1030)
	b.await("the older one to be closed", func() bool { open, leased, idle, _ := b.counts(); return open == 1 && leased == 0 && idle == 1 })
	if got := b.server(b.want(0)); got != s2 {
		t.Error("the wrong one was closed")
	}
	b.release(s2)
}

func TestSettingsDifference(t *testing.T) {
	set := func(pairs ...string) (s Settings) {
		for i := 0; i < len(pairs); i += 2 {
			s = s.With(pairs[i], pairs[i+1])
		}
		return s
	}
	for _, c := range []struct {
		from, to Settings
		want     string
	}{
		{set(), set(), ""},
		{set("a", "1"), set("a", "1"), ""},
		{set("a", "1", "b", "2"), set("b", "2", "a", "1"), ""},
		{set(), set("a", "1"), `SET "a" TO '1';`},
		{set("a", "1"), set("a", "2"), `SET "a" TO '2';`},
		{set("a", "1"), set(), `RESET "a";`},
		{set("a", "1", "b", "2"), set("b", "3", "c", "4"), `RESET "a";SET "b" TO '3';SET "c" TO '4';`},
		{set(), set("app.user", "o'neil"), `SET "app"."user" TO 'o''neil';`},
		{set(), set(`x" TO 1; DROP TABLE t; --`, "1"), `SET "x"" TO 1; DROP TABLE t; --" TO '1';`},
		{set(), set("a", `\'; DROP TABLE t; --`), `SET "a" TO E'\\''; DROP TABLE t; --';`},
		{set(), set("a", ""), `SET "a" TO '';`},
		{set(), set("search_path", `a, "B"`), `SELECT pg_catalog.set_config('search_path','a, "B"',false);`},
		{set(), set("role", "r", "session_authorization", "u", "a", "1"),
			`SET "a" TO '1';SET "session_authorization" TO 'u';SET "role" TO 'r';`},
		{set("role", "r", "a", "1"), set("role", "r"), `RESET SESSION AUTHORIZATION;RESET ROLE;RESET "a";SET "role" TO 'r';`},
	} {
		if got := c.from.Difference(c.to); got != c.want {
			t.Errorf("%v to %v: got %s, want %s", c.from.List(), c.to.List(), got, c.want)
		}
	}
	if set("a", "1", "b", "2") != set("b", "2", "a", "1") || set("a", "1").Without("a") != (Settings{}) {
		t.Error("the same settings are not ==")
	}
	s := set("a", "1", "b", "")
	if value, ok := s.Lookup("b"); !ok || value != "" {
		t.Error("a setting that is empty is not found")
	}
	if _, ok := s.Lookup("c"); ok || s.Over(set("b", "2", "c", "3")) != set("a", "1", "b", "", "c", "3") {
		t.Error("Lookup or Over")
	}
}

func TestStatements(t *testing.T) {
	var s Statements
	var evicted []string
	for _, name := range strings.Fields("a b c a d b e") {
		if s.Use(name) {
			continue
		}
		if out, _ := s.Add(name, 3); out != "" {
			evicted = append(evicted, out)
		}
	}
	if got := fmt.Sprint(evicted); got != "[b c a]" {
		t.Errorf("evicted %s", got)
	}
	s.Remove("d")
	s.Remove("nobody")
	s.Restore("c", "c")
	s.Restore("c", "c")
	if s.Use("d") || !s.Use("b") || !s.Use("c") || s.order.Len() != 3 {
		t.Errorf("%d are left", s.order.Len())
	}
	s.Clear()
	if s.Use("b") || s.order.Len() != 0 {
		t.Error("not cleared")
	}
	one, two := NewStatement([]byte("select 1\x00\x00\x00"), ""), NewStatement([]byte("select 2\x00\x00\x00"), "")
	if one == two || one != NewStatement([]byte("select 1\x00\x00\x00"), "") || one.Name == two.Name || len(one.Name) > 63 {
		t.Error("names")
	}
	body := []byte("select 1\x00\x00\x00")
	path := Settings{}.With("search_path", "a").With("work_mem", "1MB")
	names := map[string]bool{one.Name: true, NewStatement(body, path.PlanContext()).Name: true, one.In(1).Name: true, one.In(0).Name: true}
	if len(names) != 3 || path.PlanContext() != path.Without("work_mem").PlanContext() {
		t.Error("names don't tell contexts and editions apart")
	}
	s.Put("p", "sql_1")
	if what, ok := s.Holds("p"); !ok || what != "sql_1" {
		t.Error("Holds")
	}
}
