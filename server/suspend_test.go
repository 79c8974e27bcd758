package server

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/pool"
)

// silence asserts that the client gets nothing for a moment.
func (c *raw) silence() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.conn.Read(make([]byte, 1)); n > 0 || err == nil {
		c.t.Errorf("got something while suspended: %v", err)
	}
}

// suspendRig has two loops, and two connections to the node.
func suspendRig(t *testing.T, timeout time.Duration) *rig {
	return newRig(t, 0, func(c *Config, p *pool.Config, loops *int) {
		trust(c, p, loops)
		p.Size, c.SuspendTimeout, *loops = 2, timeout, 2
	})
}

// Ensure that SUSPEND holds clients up whatever they are doing, that the node's work
// goes on, and that nobody loses anything by it.
func TestSuspendHoldsEverybody(t *testing.T) {
	r := suspendRig(t, 5*time.Second)
	resting, inside, working, waiting, halfway := r.raw(), r.raw(), r.raw(), r.raw(), r.raw()
	inside.do("begin; create temp table x (a int)", "C:BEGIN C:CREATE_TABLE Z:T")
	working.send(mQuery("select 'worked', pg_sleep(1)"))
	await(t, func() bool { return r.working("'worked'") == 1 })
	waiting.send(mQuery("select 'waited'"))
	await(t, func() bool { return r.waiting() == 1 })
	request := mQuery("select 'whole'")
	halfway.send(request[:9])
	if dropped, err := r.server.Suspend(t.Context(), ""); dropped > 0 || err != nil || !r.server.Gate("").Suspended {
		t.Fatalf("%d dropped, %v", dropped, err)
	}
	resting.send(mQuery("select 'rested'"))
	inside.send(mQuery("select 'inside'"))
	halfway.send(request[9:])
	newcomer := make(chan *raw, 1)
	go func() { c := r.dialRaw(); newcomer <- c }()
	await(t, func() bool { return r.working("'worked'") == 0 })
	for _, c := range []*raw{resting, inside, working, waiting, halfway} {
		c.silence()
	}
	if _, err := r.server.Suspend(t.Context(), ""); !errors.Is(err, errSuspended) {
		t.Errorf("suspended twice: %v", err)
	}
	if !r.server.Resume("") {
		t.Error("nothing to resume")
	}
	for c, want := range map[*raw]string{inside: "inside", working: "worked,"} {
		if got := c.until('Z'); !strings.HasPrefix(got, "T D:"+want+" C:SELECT_1") {
			t.Errorf("%s: %s", want, got)
		}
	}
	inside.do("commit", "C:COMMIT Z:I")
	for c, want := range map[*raw]string{resting: "rested", waiting: "waited", halfway: "whole"} {
		if got := c.until('Z'); got != "T D:"+want+" C:SELECT_1 Z:I" {
			t.Errorf("%s: %s", want, got)
		}
	}
	c := <-newcomer
	c.login("bench", "bench", "bench")
	c.do("select 'new'", "T D:new C:SELECT_1 Z:I")
}

// blocked counts the clients that don't read what there is for them.
func (r *rig) blocked() (n int) {
	err := r.server.visit(r.Context(), func(sh *shard) {
		for c := range sh.sessions {
			if c.turn != nil && !c.turn.flushed() {
				n++
			}
		}
	})
	if err != nil {
		r.Error(err)
	}
	return n
}

// Ensure that a client which does not take its answer is disconnected when
// suspend_timeout is over, and nobody else.
func TestSuspendTimeout(t *testing.T) {
	r := suspendRig(t, 100*time.Millisecond)
	patient, deaf := r.raw(), r.raw()
	deaf.send(mQuery("select repeat('x', 1000) from generate_series(1, 100000)"))
	await(t, func() bool { return r.blocked() == 1 })
	if dropped, err := r.server.Suspend(t.Context(), ""); dropped != 1 || err != nil {
		t.Errorf("%d dropped, %v", dropped, err)
	}
	patient.send(mQuery("select 'patient'"))
	r.server.Resume("")
	if got := patient.until('Z'); got != "T D:patient C:SELECT_1 Z:I" {
		t.Error(got)
	}
	got := deaf.next()
	for got != "closed" && !strings.HasPrefix(got, "failed") && got[0] != 'C' { // it fails within a frame
		got = deaf.next()
	}
	if got[0] == 'C' {
		t.Error("the answer is whole")
	}
}

// Ensure that what was encrypted waits, too.
func TestSuspendEncrypted(t *testing.T) {
	r := newTLSRig(t, certs.Require, certs.VerifyFull)
	c, err := pgx.Connect(t.Context(), r.secure())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	exec := func(sql string) error { _, err := c.Exec(t.Context(), sql); return err }
	if err := errors.Join(exec("begin"), exec("create table t (a int)")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.server.Suspend(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- exec("commit") }()
	select {
	case err := <-done:
		t.Errorf("answered while suspended: %v", err)
	case <-time.After(50 * time.Millisecond):
		r.server.Resume("")
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Ensure that clients go on when nobody is left on the console who could resume them.
func TestSuspendWithoutCommander(t *testing.T) {
	r := suspendRig(t, time.Minute)
	c := r.raw()
	r.server.commands.Add(1)
	if _, err := r.server.Suspend(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	c.send(mQuery("select 1"))
	c.silence()
	r.server.commanderLeft()
	if got := c.until('Z'); got != "T D:1 C:SELECT_1 Z:I" {
		t.Error(got)
	}
	r.raw().do("select 2", "T D:2 C:SELECT_1 Z:I")
}

// Ensure that SUSPEND is undone when nobody waits for it any more.
func TestSuspendCancelled(t *testing.T) {
	r := suspendRig(t, time.Minute)
	deaf := r.raw()
	deaf.send(mQuery("select repeat('x', 1000) from generate_series(1, 100000)"))
	await(t, func() bool { return r.blocked() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.server.Suspend(ctx, ""); !errors.Is(err, context.DeadlineExceeded) || r.server.Gate("").Suspended {
		t.Errorf("suspended: %v, %v", r.server.Gate("").Suspended, err)
	}
	r.raw().do("select 1", "T D:1 C:SELECT_1 Z:I")
	if got := deaf.until('Z'); !strings.HasSuffix(got, "C:SELECT_100000 Z:I") {
		t.Error("the slow client has lost its answer")
	}
}

// Ensure that SUSPEND of a database holds its clients only, those who come later too.
func TestSuspendDatabase(t *testing.T) {
	r := suspendRig(t, time.Minute)
	here, elsewhere := r.raw(), r.raw("database", "postgres")
	if dropped, err := r.server.Suspend(t.Context(), "bench"); dropped > 0 || err != nil {
		t.Fatal(dropped, err)
	}
	later := r.raw()
	here.send(mQuery("select 1"))
	later.send(mQuery("select 2"))
	here.silence()
	later.silence()
	elsewhere.do("select 3", "T D:3 C:SELECT_1 Z:I")
	if _, err := r.server.Suspend(t.Context(), "bench"); !errors.Is(err, errSuspended) {
		t.Errorf("suspended twice: %v", err)
	}
	if _, err := r.server.Suspend(t.Context(), ""); err != nil {
		t.Error(err)
	}
	elsewhere.send(mQuery("select 4"))
	elsewhere.silence()
	if !r.server.Resume("") || r.server.Resume("bench") {
		t.Error("RESUME is not of all databases")
	}
	for c, want := range map[*raw]string{here: "1", later: "2", elsewhere: "4"} {
		if got := c.until('Z'); got != "T D:"+want+" C:SELECT_1 Z:I" {
			t.Errorf("%s: %s", want, got)
		}
	}
}

// Ensure that RESUME of a database takes SUSPEND of it back.
func TestResumeDatabase(t *testing.T) {
	r := suspendRig(t, time.Minute)
	c := r.raw()
	if _, err := r.server.Suspend(t.Context(), "bench"); err != nil {
		t.Fatal(err)
	}
	c.send(mQuery("select 1"))
	c.silence()
	if r.server.Resume("postgres") || !r.server.Resume("bench") || r.server.Gate("bench").Suspended {
		t.Error("RESUME of another database, or none of this one")
	}
	if got := c.until('Z'); got != "T D:1 C:SELECT_1 Z:I" {
		t.Error(got)
	}
}
