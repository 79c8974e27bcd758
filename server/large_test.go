package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// Ensure that a Parse of many megabytes works in little memory, and that the session has
// its server to itself for as long as the statement lasts.
func TestLargeParse(t *testing.T) {
	const size, blockSize = 50<<20 + 77, 1 << 20
	r := single(t, 1, 1)
	c, other := r.raw(), r.raw()
	peak := watchHeap(t)
	head := append(wire.AppendFrame(nil, wire.Parse, "\x00select length('"), bytes.Repeat([]byte("x"), size%blockSize)...)
	tail := []byte("')\x00\x00\x00")
	setLength(head, len(head)-1+size-size%blockSize+len(tail))
	c.send(head)
	block := bytes.Repeat([]byte("x"), blockSize)
	for range size / blockSize {
		c.send(block)
	}
	c.send(tail, run(""), mSync())
	want := fmt.Sprintf("2 D:%d C:SELECT_1 Z:I", size)
	c.want(1, "1 "+want)
	other.send(mQuery("select 'other'"))
	for range 3 {
		c.send(join(run(""), mSync()))
		c.want(1, want)
	}
	if used := peak(); used > 16<<20 {
		t.Errorf("the heap has grown by %d MB for a statement of %d", used>>20, size>>20)
	}
	if got := r.pins(); got != "large statement" {
		t.Errorf("pinned for %q", got)
	}
	c.send(join(one("select 'small'"), mSync()))
	c.want(1, "1 2 D:small C:SELECT_1 Z:I")
	other.want(1, "T D:other C:SELECT_1 Z:I")
	c.send(join(run(""), mSync()))
	c.want(1, "2 D:small C:SELECT_1 Z:I")
}

// bulk is a literal of two megabytes.
func bulk() string { return "'" + strings.Repeat("x", 2<<20) + "'" }

// Ensure that large statements are answered as a node answers them, whatever is around
// them, and that none keeps the server when it is gone.
func TestLargeStatements(t *testing.T) {
	for name, mode := range map[string]config.PoolMode{"transaction": config.PoolTransaction, "session": config.PoolSession} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
				s.Auth, s.Mode, p.Size, s.MaxPrepared = config.AuthTrust, mode, 1, 2
			})
			for _, c := range append(largeUnnamed(), largeNamed()...) {
				testSteps(t, c.name, newTwin(r, "bench", nil), c.steps)
				next := r.raw()
				next.do("select 1", "T D:1 C:SELECT_1 Z:I")
				next.send(mTerminate())
			}
		})
	}
}

// lengthOfBulk is a large statement with a small answer.
func lengthOfBulk() string { return "select length(" + bulk() + ")" }

// largeUnnamed are conversations about large unnamed statements.
func largeUnnamed() []conversation {
	length, sync := lengthOfBulk(), mSync()
	return []conversation{
		{"unnamed", [][]byte{
			join(mParse("", length), run(""), sync),
			join(run(""), sync),
			join(mDescribe('S', ""), run(""), sync, run(""), sync),
			join(one("select 'small'"), sync),
			join(run(""), sync),
		}},
		{"unnamed, ended by a Query", [][]byte{
			join(mParse("", length), run(""), sync),
			mQuery("select 1"),
			join(run(""), sync),
		}},
		{"unnamed, ended by a large Query", [][]byte{
			join(mParse("", "select 'small'"), run(""), sync),
			mQuery(length),
			join(run(""), sync),
		}},
		{"unnamed, closed", [][]byte{
			join(mParse("", length), sync),
			join(mClose('S', ""), run(""), sync),
		}},
		{"unnamed, skipped", [][]byte{
			join(mParse("", "select 'old'"), sync),
			join(mBind("", "no such"), mParse("", length), sync, run(""), sync),
			join(run(""), sync),
		}},
		{"unnamed, its replacement skipped", [][]byte{
			join(mParse("", length), sync),
			join(mBind("", "no such"), mParse("", "select 'skipped'"), sync, run(""), sync),
			join(run(""), sync),
		}},
		{"unnamed, wrong", [][]byte{
			join(mParse("", "select 'old'"), sync),
			join(mParse("", "selec "+bulk()), run(""), sync, run(""), sync),
		}},
		{"unnamed, in a transaction", [][]byte{
			mQuery("begin"),
			join(mParse("", length), run(""), sync),
			join(run(""), sync),
			join(mParse("", "commit"), run(""), sync),
		}},
	}
}

// largeNamed are conversations about large named statements, and what ends them.
func largeNamed() []conversation {
	length, sync := lengthOfBulk(), mSync()
	return []conversation{
		{"named", [][]byte{
			join(mParse("s", length), run("s"), sync),
			join(run("s"), sync, mDescribe('S', "s"), sync),
			join(mParse("a", "select 'a'"), run("a"), mParse("b", "select 'b'"), run("b"), mParse("c", "select 'c'"), run("c"), sync),
			mQuery("select 1"),
			join(run("s"), run("a"), sync),
			mQuery("execute s"),
			join(mClose('S', "s"), sync),
			join(run("s"), sync),
		}},
		{"named twice", [][]byte{
			join(mParse("s", length), sync),
			join(mParse("s", length), sync),
			join(mParse("s", "select 'small'"), sync),
			mQuery("deallocate s"),
			join(mParse("s", "select 'small'"), run("s"), sync),
		}},
		{"a small one's name", [][]byte{
			join(mParse("s", "select 'small'"), sync),
			join(mParse("s", length), sync, run("s"), sync),
		}},
		{"named, wrong", [][]byte{
			join(mParse("s", "selec "+bulk()), sync, run("s"), sync),
			join(mParse("s", "select 'small'"), run("s"), sync),
		}},
		{"named, skipped", [][]byte{
			join(one("select pg_sleep(0.02)"), one("select 1/0"), mParse("s", length), sync, mParse("s", "select 'new'"), run("s"), sync),
			join(run("s"), sync),
		}},
		{"Close that is skipped", [][]byte{
			join(mParse("s", length), sync),
			join(mBind("", "no such"), mClose('S', "s"), sync),
			join(run("s"), sync),
		}},
		{"discarded", [][]byte{
			join(mParse("s", length), mParse("", length), sync),
			mQuery("discard all"),
			join(run("s"), sync),
		}},
		{"in a failed transaction", [][]byte{
			mQuery("begin"), mQuery("select 1/0"),
			join(mParse("s", length), sync),
			mQuery("rollback"),
			join(run("s"), sync),
		}},
		{"settings and locks", [][]byte{
			join(mParse("", "select set_config('application_name', 'large', false), pg_advisory_lock(pg_backend_pid()), length("+bulk()+")"), run(""), sync),
			join(run(""), sync),
			join(one("select current_setting('application_name'), pg_advisory_unlock_all()"), sync),
			mQuery("show application_name"),
		}},
		{"function call", [][]byte{
			mCall(1257, strings.Repeat("x", 2<<20)), // textlen
			mCall(1257, "small"),
		}},
	}
}

// pins are the reasons why sessions keep their servers.
func (r *rig) pins() string {
	var all []string
	err := r.server.visit(r.Context(), func(sh *shard) {
		for s := range sh.sessions {
			if s.pin != sqlparse.PinNone {
				all = append(all, s.pin.String())
			}
		}
	})
	if err != nil {
		r.Fatal(err)
	}
	return strings.Join(all, ", ")
}

// Ensure that a transaction whose server is gone answers large frames, too, without
// keeping them.
func TestLargeAfterLoss(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	c.send(join(mQuery("begin"), mQuery("insert into t values ('lost')")))
	c.want(2, "C:BEGIN Z:T C:INSERT_0_1 Z:T")
	r.cluster.Exec(0, "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'bench' and pid <> pg_backend_pid()")
	call := mCall(1257, strings.Repeat("x", 2<<20))
	c.send(join(mParse("", "select "+bulk()), run(""), mSync(), mQuery("select "+bulk()), call, mQuery("rollback")))
	c.want(4, "E:40001 Z:E E:25P02 Z:E E:25P02 Z:E C:ROLLBACK Z:I")
	c.do("select count(*) from t", "T D:0 C:SELECT_1 Z:I")
	c.send(join(mParse("s", "select length("+bulk()+")"), mSync()))
	c.want(1, "1 Z:I")
	r.cluster.Exec(0, "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'bench' and pid <> pg_backend_pid()")
	if got := c.until('Z'); !strings.HasPrefix(got, "E:57P01") {
		t.Errorf("without the statement: %s", got)
	}
}

// Ensure that a large statement on a standby, where a READ ONLY transaction has put it,
// does not keep the session from writing afterwards.
func TestLargeOnStandby(t *testing.T) {
	r := newRig(t, 1, func(s *Config, _ *pool.Config, _ *int) { s.Auth = config.AuthTrust })
	r.cluster.Exec(0, "create table t (a int)")
	c := r.raw()
	for i := range 2 {
		c.send(join(mQuery("begin isolation level repeatable read read only"), mQuery("select pg_is_in_recovery()")))
		if got := c.answers(2); got != "C:BEGIN Z:T T D:t C:SELECT_1 Z:T" && i == 0 {
			t.Errorf("not on the standby: %s", got)
		}
		c.send(join(mParse("", "select length("+bulk()+")"), run(""), mSync(), run(""), mSync()))
		c.want(2, "1 2 D:2097152 C:SELECT_1 Z:T 2 D:2097152 C:SELECT_1 Z:T")
		c.do("commit", "C:COMMIT Z:I")
		c.send(join(mParse("", "insert into t values (length("+bulk()+"))"), run(""), mSync(), run(""), mSync()))
		c.want(2, "1 2 C:INSERT_0_1 Z:I 2 C:INSERT_0_1 Z:I")
	}
	c.send(mQuery("begin isolation level repeatable read read only"))
	c.want(1, "C:BEGIN Z:T")
	c.send(join(one("select 1"), mSync(), mParse("", "select length("+bulk()+")"), run(""), mSync(), one("commit"), mSync(), mQuery("insert into t values (1)")))
	c.want(4, "1 2 D:1 C:SELECT_1 Z:T 1 2 D:2097152 C:SELECT_1 Z:T 1 2 C:COMMIT Z:I C:INSERT_0_1 Z:I")
	c.do("select count(*) from t", "T D:5 C:SELECT_1 Z:I")
}

// Ensure that what a text sets or prepares that is too long to be parsed stays with its
// session, which keeps its server for that, and is seen by no other.
func TestUnparsedState(t *testing.T) {
	long := strings.Repeat("x", sqlparse.MaxText)
	r := single(t, 1, 2)
	for _, sql := range []string{
		"prepare long as select length('" + long + "')",
		"select 1; prepare long as select length('" + long + "')",
		"/*" + bulk() + "*/ prepare long as select length('" + long + "')",
	} {
		c := r.raw()
		c.send(mQuery(sql))
		c.until('Z')
		if got := r.pins(); got != "prepare" {
			t.Errorf("pinned for %q", got)
		}
		r.raw().do("execute long", "E:26000 Z:I")
		c.do("execute long", "T D:65536 C:SELECT_1 Z:I")
		c.do("discard all", "C:DISCARD_ALL Z:I")
		if got := r.pins(); got != "" {
			t.Errorf("still pinned for %q", got)
		}
		c.send(mQuery(sql), mTerminate())
		c.until(0)
		r.raw().do("execute long", "E:26000 Z:I")
	}
	c := r.raw()
	c.do("set my.own = '"+long+"'", "C:SET Z:I")
	if got := r.pins(); got != "session set" {
		t.Errorf("pinned for %q", got)
	}
	c.do("select length(current_setting('my.own'))", "T D:65536 C:SELECT_1 Z:I")
	c.do("reset all", "C:RESET Z:I")
	other := r.raw()
	other.do("insert into t values ('"+long+"')", "C:INSERT_0_1 Z:I")
	c.do("discard all", "C:DISCARD_ALL Z:I")
	if got := r.pins(); got != "" {
		t.Errorf("pinned for %q", got)
	}
}
