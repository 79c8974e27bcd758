package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/report"
	"github.com/pgherd/pgherd/internal/wire"
)

// Operators whose functions need the primary, for different reasons: nobody can
// tell from the text.
const unwilling = `
create table log (a int);
create table lines (a int);
create function writes(int, int) returns int language sql as 'insert into log values ($1) returning $2';
create function asks(int, int) returns int language sql as 'select case when pg_current_wal_lsn() is null then 0 else $2 end';
create function counts(int, int) returns int language sql as 'select case when pg_current_xact_id() is null then 0 else $2 end';
create sequence numbers;
create sequence others;
create function numbers(int, int) returns int language sql as 'select case when nextval(''numbers'') is null then 0 else $2 end';
create function stores(int, int) returns int language plpgsql stable as 'begin perform writes($1, $2); return $2; end';
create function locks(int, int) returns int language plpgsql as 'begin lock table lines in exclusive mode; return $2; end';
create function last(int, int) returns int language sql as 'select currval(''others'')::int';
create operator <!> (leftarg = int, rightarg = int, function = writes);
create operator <~> (leftarg = int, rightarg = int, function = asks);
create operator <#> (leftarg = int, rightarg = int, function = counts);
create operator <@> (leftarg = int, rightarg = int, function = numbers);
create operator <%> (leftarg = int, rightarg = int, function = stores);
create operator <^> (leftarg = int, rightarg = int, function = locks);
create operator <&> (leftarg = int, rightarg = int, function = last);
create unlogged table u (a int);
insert into u values (7);
`

// unwillingRig has a standby that refuses what the operators do.
func unwillingRig(t *testing.T, size int) *rig {
	r := newRig(t, 1, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, size })
	mustExec(t, r.cluster.Conn(0), unwilling)
	r.caughtUp()
	return r
}

// Ensure that what a standby refuses is carried out on the primary, once, whatever
// the reason and in every mode of the protocol, and that the standby is not asked again.
func TestRefusedOnStandby(t *testing.T) {
	r := unwillingRig(t, 2)
	t.Run("reasons", func(t *testing.T) { testReasonsForRefusal(t, r) })
	t.Run("batch", func(t *testing.T) { testRefusedInBatch(t, r) })
	t.Run("pipeline", func(t *testing.T) { testRefusedInPipeline(t, r) })
	t.Run("block", func(t *testing.T) { testRefusedInBlock(t, r) })
	t.Run("not cached", func(t *testing.T) { testRefusedWithoutMemory(t, r) })
	t.Run("pool", func(t *testing.T) { testPoolAfterRefusals(t, r) })
}

func testReasonsForRefusal(t *testing.T, r *rig) {
	wrote := query[int](t, r.cluster.Conn(0), "select count(*) from log")
	for i, operator := range []string{"<!>", "<%>", "<~>", "<#>", "<@>", "<^>"} {
		for j, mode := range []string{"simple_protocol", "exec", "cache_statement", "cache_describe"} {
			c := r.connect("default_query_exec_mode=" + mode)
			sql := fmt.Sprintf("select 1 %s 2 as n%d%d", operator, i, j) // a shape of its own
			before := r.server.Selects(1)
			for range 3 {
				if got := query[int](t, c, sql); got != 2 {
					t.Errorf("%s: %s: got %d", mode, sql, got)
				}
			}
			if operator == "<!>" || operator == "<%>" {
				wrote += 3
			}
			if asked := r.server.Selects(1) - before; asked < 1 || asked > 2 { // to prepare it, and to execute it
				t.Errorf("%s: %s: the standby was asked %d times", mode, sql, asked)
			}
		}
	}
	if n := query[int](t, r.cluster.Conn(0), "select count(*) from log"); n != wrote {
		t.Errorf("%d rows were written, want %d", n, wrote)
	}
	c := r.raw() // what the primary refuses as well is told, and not held against the statement
	c.do("select 1 <&> 2", "T E:55000 Z:I")
	if f := r.server.parser.Parse([]byte("select 1 <&> 2")); f.StandbyRefused() {
		t.Error("currval is kept from standbys")
	}
}

// Ensure that a refusal anywhere in a batch repeats the batch, and is remembered
// for the statement whose fault it is.
func testRefusedInBatch(t *testing.T, r *rig) {
	wrote := query[int](t, r.cluster.Conn(0), "select count(*) from log")
	c := r.raw()
	c.send(join(mParse("", "select 10"), mSync(), mBind("", ""), mExecute("", 0), mSync(), one("select 11"), mSync(), one("select 2 <!> 3 as heir"), mSync()),
		join(mBind("", ""), mExecute("", 0), mSync(), mQuery("select 12")))
	c.want(6, "1 Z:I 2 D:10 C:SELECT_1 Z:I 1 2 D:11 C:SELECT_1 Z:I 1 2 D:3 C:SELECT_1 Z:I 2 D:3 C:SELECT_1 Z:I T D:12 C:SELECT_1 Z:I")
	c.send(join(mParse("", "select 13 <!> 14 as heir"), mSync()))
	c.want(1, "1 Z:I")
	c.send(join(mBind("", ""), mExecute("", 0), mSync(), one("select 15"), mSync()))
	c.want(2, "2 D:14 C:SELECT_1 Z:I 1 2 D:15 C:SELECT_1 Z:I")
	wrote += 3
	c.send(join(one("select 1"), one("select 2 <!> 3 as batch"), one("select 4"), mSync()))
	c.want(1, "1 2 D:1 C:SELECT_1 1 2 D:3 C:SELECT_1 1 2 D:4 C:SELECT_1 Z:I")
	c.send(join(mParse("s", "select a from u where a > 0"), mSync()))
	c.want(1, "1 Z:I")
	c.send(join(mParse("p", "select 5"), mBind("", "p"), mExecute("", 0), mBind("", "s"), mExecute("", 0), mSync()))
	c.want(1, "1 2 D:5 C:SELECT_1 2 D:7 C:SELECT_1 Z:I")
	for sql, guilty := range map[string]bool{"select 4": false, "select 2 <!> 3 as batch": true, "select a from u where a > 0": true} {
		if got := r.server.parser.Parse([]byte(sql)).StandbyRefused(); got != guilty {
			t.Errorf("%s is kept from standbys: %v", sql, got)
		}
	}
	if n := query[int](t, r.cluster.Conn(0), "select count(*) from log"); n != wrote+1 {
		t.Errorf("%d rows were written, want 1", n-wrote)
	}
}

// Ensure that a refusal behind what is answered already repeats the rest, and only
// the rest, of a pipeline.
func testRefusedInPipeline(t *testing.T, r *rig) {
	c := r.raw()
	wrote := query[int](t, r.cluster.Conn(0), "select count(*) from log")
	slow := "select 0 from generate_series(1, 3) where pg_sleep(0.02) is not null"
	c.send(join(mQuery("select 1"), mQuery(slow), mQuery("select 1 <!> 2 as pipeline"), mQuery("select 3"), mQuery("select 4 <!> 5 as pipeline5"), mQuery("select 6")))
	c.want(6, "T D:1 C:SELECT_1 Z:I T D:0 D:0 D:0 C:SELECT_3 Z:I T D:2 C:SELECT_1 Z:I T D:3 C:SELECT_1 Z:I T D:5 C:SELECT_1 Z:I T D:6 C:SELECT_1 Z:I")
	c = r.raw()
	c.send(mQuery("select 1"), mQuery("explain route select 1"), mQuery("select 1 <!> 2 as behind"), mQuery("explain route select 1"))
	if got := c.answers(4); strings.Count(got, "C:EXPLAIN Z:I") != 2 || !strings.Contains(got, " Z:I T D:2 C:SELECT_1 Z:I ") {
		t.Errorf("got %s", got)
	}
	wrote++
	var send []byte
	var want []string
	for i := range 300 {
		switch {
		case i%30 == 29:
			send = append(send, join(one(fmt.Sprintf("select %d <!> 2 as p%d", i, i)), mSync())...)
			want = append(want, "1 2 D:2 C:SELECT_1 Z:I")
		case i%3 == 0:
			send = append(send, mQuery(fmt.Sprintf("select repeat('%d', 100)", i%10))...)
			want = append(want, "T D:"+strings.Repeat(fmt.Sprint(i%10), 100)+" C:SELECT_1 Z:I")
		default:
			send = append(send, join(mParse("", "select $1::text"), mBind("", "", fmt.Sprint(i)), mExecute("", 0), mSync())...)
			want = append(want, fmt.Sprintf("1 2 D:%d C:SELECT_1 Z:I", i))
		}
	}
	c.send(send)
	c.want(300, strings.Join(want, " "))
	if n := query[int](t, r.cluster.Conn(0), "select count(*) from log"); n != wrote+12 {
		t.Errorf("%d rows were written, want 12", n-wrote)
	}
}

// Ensure that a transaction goes on where it can.
func testRefusedInBlock(t *testing.T, r *rig) {
	c := r.raw()
	c.do("begin", begun)
	c.do("select 1", "T D:1 C:SELECT_1 Z:T")
	c.send(mQuery("select 1 <!> 2 as block"), mQuery("commit"))
	c.want(2, "T D:2 C:SELECT_1 Z:T "+committed)
	c.do("begin isolation level repeatable read, read only", begun)
	c.do("select 1 <~> 2 as block1", "T D:2 C:SELECT_1 Z:T")
	c.do("commit", committed)
	c.do("begin isolation level repeatable read, read only", begun)
	c.do("select 1", "T D:1 C:SELECT_1 Z:T")
	c.send(mQuery("select 1 <~> 2 as block2"))
	e := c.errorOf()
	if e.Code != "55000" || !strings.Contains(e.Hint, "pgherd.route") {
		t.Errorf("got %s, hint %q", e.Code, e.Hint)
	}
	c.want(1, "Z:E")
	c.do("commit", rolledBack)
	c.do("set pgherd.route = 'primary'", "C:SET Z:I")
	c.do("begin isolation level repeatable read, read only", begun)
	c.do("select 1", "T D:1 C:SELECT_1 Z:T")
	c.do("select 1 <~> 2 as block2", "T D:2 C:SELECT_1 Z:T")
	c.do("commit", committed)
}

// errorOf reads up to an error.
func (c *raw) errorOf() *wire.Error {
	c.t.Helper()
	for {
		typ, body, err := c.frame()
		if err != nil {
			c.t.Fatal(err)
		}
		if typ == wire.ErrorResponse {
			return wire.ParseError(body)
		}
	}
}

// Ensure that a text too long to be remembered is carried out all the same.
func testRefusedWithoutMemory(t *testing.T, r *rig) {
	sql := "select e'\\x31'::int <!> 2 as \"" + strings.Repeat("x", 60) + "\" /*" + strings.Repeat("long ", 20000) + "*/"
	c := r.raw()
	for range 3 {
		c.do(sql, "T D:2 C:SELECT_1 Z:I")
	}
}

// Ensure that refusals cost no server.
func testPoolAfterRefusals(t *testing.T, r *rig) {
	c := r.raw()
	for i := range 50 {
		c.do(fmt.Sprintf("select 1 <!> 2 as n%d", i), "T D:2 C:SELECT_1 Z:I")
	}
	pgtest.Await(t, 20*time.Second, "servers to be back in their pools", func() bool { // behind the client's answer
		return !slices.ContainsFunc(r.pools.Reports(), func(p report.Pool) bool {
			return p.Active > 0 || p.Waiting > 0 || p.Dialing+p.Held > 0
		})
	})
}

// Ensure that a database that a standby doesn't have yet can be used.
func TestDatabaseNewToStandby(t *testing.T) {
	r := newRig(t, 1, nil)
	r.caughtUp()
	r.cluster.Exec(1, "select pg_wal_replay_pause()")
	r.cluster.Exec(0, "create database fresh")
	c := r.connect("dbname=fresh")
	for range 2 {
		var one int
		if err := c.QueryRow(t.Context(), "select 1").Scan(&one); err != nil || one != 1 {
			t.Errorf("%d, %v", one, err)
		}
	}
	r.cluster.Exec(1, "select pg_wal_replay_resume()")
}

// Ensure that our idle connections to a database don't keep anybody from dropping it;
// while clients are in it, who tries is told that those count.
func TestDatabaseInUse(t *testing.T) {
	r := single(t, 2, 2)
	r.cluster.Exec(0, "create database idle")
	used := func() *pgx.Conn {
		c := r.connect("dbname=idle")
		if _, err := c.Exec(t.Context(), "create table if not exists t (a int)"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	client := r.connect()
	used().Close(t.Context())
	await(t, func() bool { return r.server.headcount.in("idle") == 0 })
	if _, err := client.Exec(t.Context(), "alter database idle rename to other"); err != nil {
		t.Error(err)
	}
	if _, err := client.Exec(t.Context(), "alter database other rename to idle"); err != nil {
		t.Error(err)
	}
	c := used()
	_, err := client.Exec(t.Context(), "drop database idle")
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "55006" || !strings.Contains(refused.Hint, "RECONNECT") || refused.Detail == "" {
		t.Errorf("%+v", refused)
	}
	c.Close(t.Context())
	await(t, func() bool { return r.server.headcount.in("idle") == 0 })
	if _, err := client.Exec(t.Context(), "drop database idle"); err != nil {
		t.Error(err)
	}
}
