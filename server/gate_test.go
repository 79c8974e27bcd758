package server

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/report"
	"github.com/pgherd/pgherd/internal/wire"
)

// waiting counts the clients that stand in line.
func (r *rig) waiting() (n int) {
	for _, p := range r.server.Pools() {
		n += p.Waiting
	}
	return n
}

// Ensure that PAUSE lets transactions end, holds what comes next, and that nobody
// gets an error by it.
func TestPauseHoldsClients(t *testing.T) {
	r := newRig(t, 0, trust)
	inside, outside := r.raw(), r.raw()
	inside.do("begin; create temp table x (a int)", "C:BEGIN C:CREATE_TABLE Z:T")
	r.server.Pause("bench")
	settled := make(chan error, 1)
	go func() { settled <- r.server.Settle(context.Background(), "bench") }()
	outside.send(mQuery("select 'held'"))
	await(t, func() bool { return r.waiting() == 1 })
	inside.do("select 'goes on'", "T D:goes on C:SELECT_1 Z:T")
	if len(settled) > 0 {
		t.Error("settled in a transaction")
	}
	inside.do("drop table x; commit", "C:DROP_TABLE C:COMMIT Z:I")
	if err := <-settled; err != nil {
		t.Error(err)
	}
	if got := r.server.Gate("bench"); got != (report.Gate{Paused: true}) {
		t.Errorf("the gate is %+v", got)
	}
	r.server.Resume("bench")
	if got := outside.until('Z'); got != "T D:held C:SELECT_1 Z:I" {
		t.Errorf("after RESUME: %s", got)
	}
}

// Ensure that KILL ends sessions whatever they are doing: resting, in a
// transaction, in the midst of a statement, in line, and before they are logged in.
func TestKill(t *testing.T) {
	r := profiled(t, 2, Profile{})
	resting, inside, working, waiting := r.raw(), r.raw(), r.raw(), r.raw()
	inside.do("begin; create temp table x (a int)", "C:BEGIN C:CREATE_TABLE Z:T")
	working.send(mQuery("select 'killed', pg_sleep(30)"))
	await(t, func() bool { return r.working("'killed'") == 1 })
	waiting.send(mQuery("select 1"))
	await(t, func() bool { return r.waiting() == 1 })
	r.server.Pause("bench")
	if n, err := r.server.Kill(t.Context(), "bench"); err != nil || n != 4 {
		t.Errorf("%d killed, %v", n, err)
	}
	for name, c := range map[string]*raw{"resting": resting, "inside": inside, "working": working, "waiting": waiting} {
		if got := c.until('E'); !strings.HasSuffix(got, "E:57P01") {
			t.Errorf("%s: %s", name, got)
		}
		c.want(1, "closed")
	}
	if err := r.server.Settle(t.Context(), "bench"); err != nil {
		t.Error(err)
	}
	await(t, func() bool { return r.working("'killed'") == 0 })
	r.server.Resume("bench")
	r.raw().do("select 'again'", "T D:again C:SELECT_1 Z:I")
}

func TestKillClient(t *testing.T) {
	r := newRig(t, 0, trust)
	victim, other := r.raw(), r.raw()
	all, err := r.server.Clients(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for _, want := range []bool{true, false} {
		if found, err := r.server.KillClient(t.Context(), all[0].ID); err != nil || found != want {
			t.Errorf("found %v, %v", found, err)
		}
	}
	if got := victim.next(); got != "E:57P01" {
		t.Errorf("the victim got %s", got)
	}
	other.do("select 'lives'", "T D:lives C:SELECT_1 Z:I")
}

// Ensure that DISABLE keeps new clients out, and only them.
func TestDisable(t *testing.T) {
	r := newRig(t, 0, trust)
	inside := r.raw()
	if !r.server.Disable("bench") || r.server.Disable("bench") {
		t.Error("the second DISABLE is not the first")
	}
	_, err := pgx.Connect(t.Context(), r.dsn())
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "55000" {
		t.Errorf("got %v", err)
	}
	inside.do("select 'lives'", "T D:lives C:SELECT_1 Z:I")
	if !r.server.Enable("bench") || r.server.Enable("bench") {
		t.Error("the second ENABLE is not the first")
	}
	r.connect()
}

// Ensure that what a client has set and prepared outlives RECONNECT.
func TestReconnectKeepsSessions(t *testing.T) {
	r := newRig(t, 0, trust)
	c := r.connect()
	before := query[int](t, c, "select pg_backend_pid()")
	if _, err := c.Exec(t.Context(), "set search_path = pg_catalog"); err != nil {
		t.Fatal(err)
	}
	r.server.Reconnect("bench")
	short, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.server.Renewed(short, "bench"); err != nil {
		t.Fatal(err)
	}
	if after := query[int](t, c, "select pg_backend_pid()"); after == before {
		t.Error("the server was not replaced")
	}
	if got := query[string](t, c, "show search_path"); got != "pg_catalog" {
		t.Errorf("search_path is %s", got)
	}
}

// Ensure that a database which does not exist leaves nothing behind when its clients
// have been refused.
func TestUnknownDatabaseIsForgotten(t *testing.T) {
	r := newRig(t, 0, trust)
	r.raw()
	for range 3 {
		c := r.dialRaw()
		c.send(wire.AppendStartup(nil, "user", "bench", "database", "nosuch"))
		if got := c.answers(1); !strings.Contains(got, "E:3D000") {
			t.Error(got)
		}
	}
	counted, err := r.server.Traffic(t.Context())
	if err != nil || len(counted) != 1 || counted[0].Database != "bench" {
		t.Errorf("statistics of %v, %v", counted, err)
	}
	await(t, func() bool {
		all := r.server.Pools()
		return len(all) == 1 && all[0].Database == "bench"
	})
}
