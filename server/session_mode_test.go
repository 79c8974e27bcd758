package server

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// inSessionMode is a rig whose clients have servers of their own.
func inSessionMode(t *testing.T, change func(*Config, *pool.Config)) *rig {
	return newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth, s.Mode = config.AuthTrust, config.PoolSession
		if change != nil {
			change(s, p)
		}
	})
}

// verbatim is every frame up to n-th ReadyForQuery, byte by byte, but for ParameterStatus.
func (c *raw) verbatim(n int) (all []string) {
	for n > 0 {
		typ, body, err := c.frame()
		if err != nil {
			return append(all, err.Error())
		}
		if typ != wire.ParameterStatus {
			all = append(all, string(rune(typ))+string(body))
		}
		if typ == wire.ReadyForQuery {
			n--
		}
	}
	return all
}

const everyStatement = "select name, statement, parameter_types, from_sql from pg_prepared_statements order by 1"

// Ensure that in session mode statements keep their names: what the server says of
// them, errors included, is what it says to a client of its own.
func TestSessionModeKeepsNames(t *testing.T) {
	r := inSessionMode(t, nil)
	const wide = "select * from wide union all select * from wide" // hides the table's OID
	run := join(mBind("", "s"), mExecute("", 0))
	w := newTwin(r, "bench", nil)
	for _, c := range []struct {
		text string
		n    int
		send []byte
	}{
		{"a table", 1, mQuery("create temp table wide (a int)")},
		{"parse twice", 2, join(mParse("s", wide), mSync(), mParse("s", "select 2"), mSync())},
		{"the first one stands", 1, join(mDescribe('S', "s"), run, mSync())},
		{"prepare of the same name", 1, mQuery("prepare s as select 3")},
		{"a shared-looking name", 1, join(mParse("pgherd_x", "select 4"), mBind("", "pgherd_x"), mExecute("", 0), mSync())},
		{"prepare", 1, mQuery("prepare p(int) as insert into wide values ($1) returning a + 0")},
		{"its result", 1, mQuery("execute p(5)")},
		{"bind what was prepared", 1, join(mBind("", "p", "6"), mExecute("", 0), mSync())},
		{"execute what was parsed", 1, mQuery("execute s")},
		{"what there is", 1, mQuery(everyStatement)},
		{"prepare, execute and deallocate at once", 1, mQuery("prepare q as select 7; execute q; deallocate q; execute q")},
		{"a change of the result", 1, mQuery("alter table wide add b int")},
		{"is refused", 2, join(run, mSync(), run, mSync())},
		{"execute is refused, too", 1, mQuery("execute s")},
		{"in a block", 3, join(mQuery("begin"), run, mSync(), mQuery("rollback"))},
		{"close and parse", 1, join(mClose('S', "s"), mParse("s", wide), run, mSync())},
		{"an error takes back what is behind it", 1, join(run, one("select 1/0"), mClose('S', "s"), mParse("t", "select 8"), mSync())},
		{"what is left", 1, join(run, mBind("", "t"), mExecute("", 0), mSync())},
		{"deallocate what was parsed", 1, mQuery("deallocate s")},
		{"deallocate once more", 1, mQuery("deallocate s")},
		{"bind it", 1, join(run, mSync())},
		{"describe it", 1, join(mDescribe('S', "s"), mSync())},
		{"unnamed", 2, join(mParse("", "select 9"), mSync(), mBind("", ""), mExecute("", 0), mSync())},
		{"unnamed and ended by a query", 2, join(mQuery("select 1"), mBind("", ""), mExecute("", 0), mSync())},
		{"deallocated by a function", 1, mQuery("do $$ begin execute 'deallocate all'; end $$")},
		{"what is left of it", 1, mQuery(everyStatement)},
		{"bind what is gone", 1, join(mBind("", "p", "1"), mExecute("", 0), mSync())},
		{"parse it again", 1, join(mParse("p", "select $1::text"), mBind("", "p", "1"), mExecute("", 0), mSync())},
		{"deallocate all", 1, mQuery("deallocate all")},
		{"discard all", 2, join(mParse("s", "select 1"), mSync(), mQuery("discard all"))},
		{"nothing is left", 1, mQuery(everyStatement)},
	} {
		w.direct.send(c.send)
		w.pooled.send(c.send)
		want, got := w.direct.verbatim(c.n), w.pooled.verbatim(c.n)
		if !slices.Equal(got, want) {
			t.Fatalf("%s\ngot  %q\nwant %q", c.text, got, want)
		}
	}
}

// Ensure that nothing that a client does in session mode is answered otherwise
// than by a server of its own.
func TestSessionModeIsDirect(t *testing.T) {
	const steps = 600
	r := inSessionMode(t, nil)
	furnish(r)
	seed := pgtest.Seed(t)
	b := newBabble(seed)
	all := []*twin{newTwin(r, "own", nil), newTwin(r, "own", []string{"options", "-c work_mem=3MB", "DateStyle", "German"})}
	for range steps {
		text, send := b.message()
		all[b.IntN(len(all))].step(t, text, send)
	}
}

// Ensure that a driver finds its statements under their names, and that the next
// session on the server finds nothing of it.
func TestSessionModeEndsClean(t *testing.T) {
	r := inSessionMode(t, func(_ *Config, p *pool.Config) { p.Size = 1 })
	ctx := context.Background()
	const left = `select string_agg(name, ',' order by name) from pg_prepared_statements`
	for range 2 {
		c, err := pgx.Connect(ctx, r.dsn("default_query_exec_mode=simple_protocol"))
		if err != nil {
			t.Fatal(err)
		}
		if got := query[*string](t, c, left); got != nil {
			t.Errorf("a new session has %s", *got)
		}
		for _, name := range []string{"one", "two"} {
			if _, err := c.Prepare(ctx, name, "select $1::int"); err != nil {
				t.Fatal(err)
			}
		}
		mustExec(t, c, "prepare three as select 3; set work_mem = '5MB'; create temp table mine (a int)")
		if got := query[string](t, c, left); got != "one,three,two" {
			t.Errorf("pg_prepared_statements has %s", got)
		}
		if err := c.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Ensure that server_reset_query is what makes a server ready for the next session,
// and that a server it does not suit is not used again.
func TestResetQuery(t *testing.T) {
	for _, c := range []struct {
		query string
		again bool   // the server serves the next session
		mem   string // its work_mem
	}{
		{"DISCARD ALL", true, "4MB"},
		{"reset all; deallocate all; set work_mem = '7MB'", true, "7MB"},
		{"", false, "4MB"},
		{"select 1/0", false, "4MB"},
		{"begin", false, "4MB"},
	} {
		t.Run(c.query, func(t *testing.T) {
			r := inSessionMode(t, func(s *Config, p *pool.Config) { p.Size, s.Reset.Query = 1, c.query })
			first := r.raw()
			first.do("set work_mem = '5MB'", "C:SET Z:I")
			first.send(mTerminate())
			second := r.raw()
			second.do("show work_mem", "T D:"+c.mem+" C:SHOW Z:I")
			if again := second.pid == first.pid; again != c.again {
				t.Errorf("the server is used again: %v", again)
			}
		})
	}
}

// Ensure that server_reset_query_always takes from a server what pgherd does not
// follow, and that sessions still have their own settings and statements.
func TestResetQueryAlways(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, s.Reset.Always, p.Size = config.AuthTrust, true, 1 })
	r.cluster.Exec(0, `create function public.sly() returns text language plpgsql as $$ begin perform set_config('work_mem', '9MB', false); return 'set'; end $$`)
	a, b := r.raw(), r.raw()
	a.do("set lock_timeout = '3s'", "C:SET Z:I")
	a.send(join(mParse("s", "select 1"), mSync()))
	a.want(1, "1 Z:I")
	for range 3 {
		a.do("select sly()", "T D:set C:SELECT_1 Z:I")
		b.do("show work_mem", "T D:4MB C:SHOW Z:I")
		b.do("show lock_timeout", "T D:0 C:SHOW Z:I")
		a.send(join(mBind("", "s"), mExecute("", 0), mSync()))
		a.want(1, "2 D:1 C:SELECT_1 Z:I")
		a.send(join(mQuery("show lock_timeout"), mQuery("begin"), mQuery("commit")))
		a.want(3, "T D:3s C:SHOW Z:I C:BEGIN Z:T C:COMMIT Z:I")
	}
}
