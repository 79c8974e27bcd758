package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that a session gives its server back when the reason to keep it is gone:
// the only server serves another one then.
func TestPinsEnd(t *testing.T) {
	r := single(t, 1, 1)
	holder, other := r.raw(), r.raw()
	for _, c := range []struct{ begin, end string }{
		{"create temp table mine (a int)", "drop table mine"},
		{"create temp table mine (a int)", "discard temp"},
		{"begin; create temp table mine (a int)", "rollback"},
		{"select pg_advisory_lock(1), pg_advisory_lock(2)", "select pg_advisory_unlock_all()"},
		{"select pg_advisory_lock(1)", "select pg_advisory_unlock(1)"},
		{"declare c cursor with hold for select 1", "close c"},
		{"listen l", "unlisten *"},
		{"begin; set work_mem = '2MB'", "commit"},
		{"begin; select set_config('my.own', 'x', false)", "rollback"},
		{"set role postgres", "reset role"},
		{"prepare p as select 1", "execute p"},
	} {
		holder.send(mQuery(c.begin))
		holder.until('Z')
		holder.send(mQuery(c.end))
		holder.until('Z')
		other.do("select 'free'", "T D:free C:SELECT_1 Z:I")
		if t.Failed() {
			t.Fatalf("after %s; %s", c.begin, c.end)
		}
		holder.send(mQuery("discard all"))
		holder.until('Z')
	}
}

// Ensure that a statement which somebody else prepared before its result changed
// its type serves a session that prepares it afterwards; one that prepared it
// before gets the error that PostgreSQL gives it, until it prepares it anew.
func TestResultTypeChanges(t *testing.T) {
	r := single(t, 1, 2)
	old, fresh := r.raw(), r.raw()
	run := join(mBind("", "s"), mExecute("", 0), mSync())
	old.do("create table wide (a int)", "C:CREATE_TABLE Z:I")
	old.do("insert into wide values (1)", "C:INSERT_0_1 Z:I")
	for i, statement := range []string{"select * from wide", "update wide set a = a returning *"} {
		one, more := "D:1", "D:1,null"
		if i > 0 {
			one, more = "D:1,null", "D:1,null,null"
		}
		end := []string{" C:SELECT_1 Z:I", " C:UPDATE_1 Z:I"}[i]
		old.send(join(mParse("s", statement), run))
		old.want(1, "1 2 "+one+end)
		old.do(fmt.Sprintf("alter table wide add b%d int", i), "C:ALTER_TABLE Z:I")
		fresh.send(join(mParse("s", statement), mSync()))
		fresh.want(1, "1 Z:I")
		fresh.send(run)
		fresh.want(1, "2 "+more+end)
		old.send(join(mClose('S', "s"), mParse("s", statement), run))
		old.want(1, "3 1 2 "+more+end)
		old.send(join(mClose('S', "s"), mSync()))
		fresh.send(join(mClose('S', "s"), mSync()))
		old.until('Z')
		fresh.until('Z')
	}
}

// Ensure that a statement whose result has changed its type since somebody else
// prepared it fails in a transaction block at most once, and not at all in front of
// others in a pipeline.
func TestResultTypeChangesInBlocks(t *testing.T) {
	r := single(t, 1, 2)
	old, fresh, piped := r.raw(), r.raw(), r.raw()
	run := join(mBind("", "s"), mExecute("", 0))
	old.do("create table wide (a int)", "C:CREATE_TABLE Z:I")
	old.do("insert into wide values (1)", "C:INSERT_0_1 Z:I")
	old.send(join(mParse("s", "select * from wide"), run, mSync()))
	old.want(1, "1 2 D:1 C:SELECT_1 Z:I")
	old.do("alter table wide add b int", "C:ALTER_TABLE Z:I")
	for _, c := range []*raw{fresh, piped} {
		c.send(join(mParse("s", "select * from wide"), mSync()))
		c.want(1, "1 Z:I")
	}
	fresh.do("begin", "C:BEGIN Z:T")
	fresh.send(join(run, mSync()))
	fresh.want(1, "E:0A000 Z:E")
	fresh.do("rollback", "C:ROLLBACK Z:I")
	for _, begin := range []string{"begin", "rollback"} {
		fresh.send(mQuery(begin))
		fresh.until('Z')
		fresh.send(join(run, mSync()))
		if got := fresh.until('Z'); !strings.HasPrefix(got, "2 D:1,null C:SELECT_1") {
			t.Errorf("after %s: %s", begin, got)
		}
	}
	old.do("begin", "C:BEGIN Z:T") // it has seen the old type: PostgreSQL tells it, too
	old.send(join(run, mSync()))
	old.want(1, "E:0A000 Z:E")
	old.do("rollback", "C:ROLLBACK Z:I")
	old.do("begin", "C:BEGIN Z:T")
	old.send(join(mClose('S', "s"), mParse("s", "select * from wide"), run, mSync()))
	old.want(1, "3 1 2 D:1,null C:SELECT_1 Z:T")
	old.do("commit", "C:COMMIT Z:I")
	piped.send(join(run, run, one("select 5"), mSync()))
	piped.want(1, "2 D:1,null C:SELECT_1 2 D:1,null C:SELECT_1 1 2 D:5 C:SELECT_1 Z:I")
}

// Ensure that the result's error reaches a session that had the statement before.
func TestOldResultTypeIsAnError(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	c.do("create table wide (a int)", "C:CREATE_TABLE Z:I")
	run := join(mBind("", "s"), mExecute("", 0), mSync())
	c.send(join(mParse("s", "select * from wide"), run))
	c.want(1, "1 2 C:SELECT_0 Z:I")
	c.do("alter table wide add b int", "C:ALTER_TABLE Z:I")
	c.send(run)
	c.want(1, "E:0A000 Z:I")
	c.send(join(mClose('S', "s"), mParse("s", "select * from wide"), run))
	c.want(1, "3 1 2 C:SELECT_0 Z:I")
}

// Ensure that statements that a function has deallocated are prepared again.
func TestStatementGoneFromServer(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	run := join(mBind("", "s"), mExecute("", 0), mSync())
	c.send(join(mParse("s", "select 7"), run))
	c.want(1, "1 2 D:7 C:SELECT_1 Z:I")
	c.do("do $$ begin execute 'deallocate all'; end $$", "C:DO Z:I")
	c.send(run)
	c.want(1, "2 D:7 C:SELECT_1 Z:I")
}

// Ensure that in session mode a client knows its server by its process id, and
// that who terminates that server ends the session.
func TestSessionModeProcessID(t *testing.T) {
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.Auth, s.Mode = config.AuthTrust, config.PoolSession })
	c := r.raw("search_path", "pg_catalog")
	c.do("select pg_backend_pid()", fmt.Sprintf("T D:%d C:SELECT_1 Z:I", c.pid))
	c.do("set search_path = public", "C:SET Z:I")
	c.do("reset all", "C:RESET Z:I")
	c.do("show search_path", "T D:pg_catalog C:SHOW Z:I")
	c.do("discard all", "C:DISCARD_ALL Z:I")
	c.do("show search_path", "T D:pg_catalog C:SHOW Z:I")
	r.cluster.Exec(0, "select pg_terminate_backend($1)", int(c.pid))
	if got := c.until('E'); got != "E:57P01" {
		t.Errorf("got %s", got)
	}
	if got := c.next(); got != "closed" {
		t.Errorf("got %s", got)
	}
}

// Ensure that a driver's ways to prepare survive thousands of executions on
// changing servers, transactions and DISCARD among them.
func TestPreparedEverywhere(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { p.Size, s.MaxPrepared = 2, 5 })
	var all []*pgx.Conn
	for _, mode := range []string{"simple_protocol", "exec", "describe_exec", "cache_describe", "cache_statement"} {
		all = append(all, r.connect("default_query_exec_mode="+mode))
	}
	for i := range 400 {
		for k, c := range all {
			sql := fmt.Sprintf("select $1::int + %d", i%9)
			if got := query[int](t, c, sql, k); got != k+i%9 {
				t.Fatalf("connection %d, round %d: got %d", k, i, got)
			}
			if i%50 == 49 {
				mustExec(t, c, "begin")
				query[int](t, c, sql, k)
				mustExec(t, c, "commit")
			}
		}
	}
}

// Ensure that what we ask a server on our own account does not cost a session its unnamed
// statement there.
func TestUnnamedOutlivesQuestions(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, 1 })
	c := r.raw("options", "-c work_mem=1MB")
	c.do("listen x", "C:LISTEN Z:I")
	c.send(join(mParse("", "select pg_advisory_lock(1)"), run(""), mSync()))
	c.want(1, "1 2 D: C:SELECT_1 Z:I")
	c.send(join(run(""), mSync()))
	c.want(1, "2 D: C:SELECT_1 Z:I")
	c.send(join(mParse("r", "reset work_mem"), mParse("", "select 1"), run("r"), mSync()))
	c.want(1, "1 1 2 C:RESET Z:I")
	c.send(join(mParse("bad", "set pgherd.route = 'nowhere'"), mSync(), mParse("bad", "explain route selec"), mSync()))
	c.want(2, "E:22023 Z:I E:42601 Z:I")
	c.send(join(run(""), mSync()))
	c.want(1, "2 D:1 C:SELECT_1 Z:I")
}
