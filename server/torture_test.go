package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// single is a rig with one node, whose clients need no password and share size
// servers.
func single(t *testing.T, loops, size int) *rig {
	r := newRig(t, 0, func(s *Config, p *pool.Config, n *int) {
		s.Auth, p.Size, *n = config.AuthTrust, size, loops
	})
	r.cluster.Exec(0, "create table t (a text)")
	return r
}

// exchange is what a client sends, step by step, and what it must get for it.
type exchange struct {
	name  string
	steps []step
}

type step struct {
	send []byte
	want string // the frames
}

var exchanges = []exchange{
	{"two syncs", []step{{join(one("select 1"), mSync(), mSync()), "1 2 D:1 C:SELECT_1 Z:I Z:I"}}},
	{"flush, then sync in another packet", []step{
		{join(one("select 1"), mFlush()), "1 2 D:1 C:SELECT_1"},
		{mSync(), "Z:I"}}},
	{"a write behind flush", []step{
		{join(one("select 1"), mFlush()), "1 2 D:1 C:SELECT_1"},
		{join(one("insert into t values ('x')"), mSync()), "1 2 C:INSERT_0_1 Z:I"}}},
	{"portal with row limits", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{join(mParse("", "select generate_series(1,3)"), mBind("p", ""), mExecute("p", 2), mSync()), "1 2 D:1 D:2 s Z:T"},
		{join(mExecute("p", 2), mSync()), "D:3 C:SELECT_1 Z:T"},
		{join(mClose('P', "p"), mSync()), "3 Z:T"},
		{join(mExecute("p", 2), mSync()), "E:34000 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"describe before bind", []step{
		{join(mParse("d", "select $1::int + 1"), mDescribe('S', "d"), mBind("", "d", "4"), mDescribe('P', ""), mExecute("", 0), mSync()),
			"1 t T 2 T D:5 C:SELECT_1 Z:I"}}},
	{"same name twice", []step{
		{join(mParse("n", "select 1"), mSync()), "1 Z:I"},
		{join(mParse("n", "select 2"), mSync()), "E:42P05 Z:I"},
		{join(mBind("", "n"), mExecute("", 0), mSync()), "2 D:1 C:SELECT_1 Z:I"}}},
	{"name free again after failure", []step{
		{join(mParse("f", "selec 1"), mSync()), "E:42601 Z:I"},
		{join(mParse("f", "select 2"), mSync()), "1 Z:I"},
		{join(mBind("", "f"), mExecute("", 0), mSync()), "2 D:2 C:SELECT_1 Z:I"}}},
	{"close, then bind", []step{
		{join(mParse("c", "select 1"), mClose('S', "c"), mBind("", "c"), mExecute("", 0), mSync()), "1 3 E:26000 Z:I"}}},
	{"close that was skipped", []step{
		{join(mParse("k", "select 7"), mSync()), "1 Z:I"},
		{join(one("select 1/0"), mClose('S', "k"), mSync()), "1 E:22012 Z:I"},
		{join(mBind("", "k"), mExecute("", 0), mSync()), "2 D:7 C:SELECT_1 Z:I"}}},
	{"parse that was skipped, after the error", []step{
		{join(mParse("", "selec"), mFlush()), "E:42601"},
		{join(mParse("late", "select 'late'"), mSync()), "Z:I"},
		{join(mBind("", "late"), mExecute("", 0), mSync()), "E:26000 Z:I"},
		{join(mParse("late", "select 'late'"), mBind("", "late"), mExecute("", 0), mSync()), "1 2 D:late C:SELECT_1 Z:I"}}},
	{"query that was skipped, after the error", []step{
		{join(mParse("", "selec"), mFlush()), "E:42601"},
		{mQuery("select 1"), ""},
		{mSync(), "Z:I"},
		{mQuery("select 2"), "T D:2 C:SELECT_1 Z:I"}}},
	{"query that was skipped, with the error", []step{
		{join(mParse("", "selec"), mQuery("select 1"), mSync(), mQuery("create temp table keep ()")), "E:42601 Z:I"},
		{nil, "C:CREATE_TABLE Z:I"},
		{mQuery("select * from keep"), "T C:SELECT_0 Z:I"},
		{mQuery("discard all"), "C:DISCARD_ALL Z:I"}}},
	{"bind of nothing", []step{
		{mQuery("select 1"), "T D:1 C:SELECT_1 Z:I"},
		{join(mBind("", ""), mExecute("", 0), mSync()), "E:26000 Z:I"}}},
	{"deallocate", []step{
		{join(mParse("Mixed", "select 1"), mParse("x", "select 2"), mSync()), "1 1 Z:I"},
		{mQuery(`deallocate "Mixed"; `), "C:DEALLOCATE Z:I"},
		{join(mBind("", "Mixed"), mSync()), "E:26000 Z:I"},
		{mQuery("DEALLOCATE PREPARE X"), "C:DEALLOCATE Z:I"},
		{join(mParse("x", "select 2"), mBind("", "x"), mExecute("", 0), mSync()), "1 2 D:2 C:SELECT_1 Z:I"},
		{mQuery("deallocate all"), "C:DEALLOCATE_ALL Z:I"},
		{join(mBind("", "x"), mSync()), "E:26000 Z:I"}}},
	{"deallocate that failed", []step{
		{join(mParse("z", "select 'z'"), mSync()), "1 Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1/0"), "E:22012 Z:E"},
		{mQuery("deallocate z"), "E:25P02 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"},
		{join(mParse("z2", "select 'z'"), mBind("", "z2"), mExecute("", 0), mSync()), "1 2 D:z C:SELECT_1 Z:I"}}},
	{"discard all and parse in one packet", []step{
		{join(mParse("v", "select 'v'"), mSync()), "1 Z:I"},
		{join(mQuery("discard all"), mParse("v", "select 'v'"), mSync()), "C:DISCARD_ALL Z:I"},
		{nil, "1 Z:I"},
		{join(mParse("v2", "select 'v'"), mBind("", "v2"), mExecute("", 0), mSync()), "1 2 D:v C:SELECT_1 Z:I"}}},
	{"copy, extended, sync in front of its end", []step{
		{join(one("copy t from stdin"), mSync(), mData("one\n"), mDone(), mSync()), "1 2 G C:COPY_1 Z:I"},
		{join(one("copy t from stdin"), mSync()), "1 2 G"},
		{join(mSync(), mData("two\n"), mSync(), mDone(), mSync()), "C:COPY_1 Z:I"},
		{mQuery("select 3"), "T D:3 C:SELECT_1 Z:I"}}},
	{"copy, simple, with syncs inside", []step{
		{mQuery("copy t from stdin"), "G"},
		{join(mSync(), mData("x\n"), mSync(), mDone()), "C:COPY_1 Z:I"},
		{mQuery("select 3"), "T D:3 C:SELECT_1 Z:I"}}},
	{"copy fail", []step{
		{mQuery("copy t from stdin"), "G"},
		{join(mData("x\n"), mFail("changed my mind")), "E:57014 Z:I"},
		{join(one("copy t from stdin"), mFlush()), "1 2 G"},
		{join(mFail("again"), mSync()), "E:57014 Z:I"}}},
	{"error in a copy, then stray data", []step{
		{mQuery("copy t (a, b) from stdin"), "E:42703 Z:I"},
		{join(mData("x\n"), mDone(), mQuery("select 1")), "T D:1 C:SELECT_1 Z:I"},
		{mQuery("copy t from stdin"), "G"},
		{mData("too\tmany\n"), "E:22P04 Z:I"},
		{join(mData("x\n"), mDone(), mQuery("select 2")), "T D:2 C:SELECT_1 Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("copy t from stdin"), "G"},
		{mData("too\tmany\n"), "E:22P04 Z:E"},
		{join(mData("x\n"), mDone(), mQuery("rollback")), "C:ROLLBACK Z:I"}}},
	{"set in a block that is rolled back, pipelined", []step{
		{join(one("begin"), one("set work_mem to '77kB'"), mSync()), "1 2 C:BEGIN 1 2 C:SET Z:T"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"},
		{mQuery("select current_setting('work_mem') = '77kB'"), "T D:f C:SELECT_1 Z:I"},
		{mQuery("discard all"), "C:DISCARD_ALL Z:I"}}},
	{"advisory lock of a query that failed", []step{
		{mQuery("select pg_advisory_lock(4711); select 1/0"), "T D: C:SELECT_1 E:22012 Z:I"},
		{mQuery("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"), "T D:1 C:SELECT_1 Z:I"},
		{mQuery("discard all"), "C:DISCARD_ALL Z:I"}}},
	{"an error of two megabytes", []step{
		{mQuery("select repeat('x', 2000000)::int"), "E:22P02 Z:I"}}},
	{"empty queries", []step{
		{mQuery(""), "I Z:I"},
		{join(one(""), mSync()), "1 2 I Z:I"}}},
	{"pipelined to the end", []step{
		{join(mQuery("select 1"), one("select 2"), mSync(), mQuery("insert into t values ('p')"), mTerminate()), "T D:1 C:SELECT_1 Z:I"},
		{nil, "1 2 D:2 C:SELECT_1 Z:I"},
		{nil, "C:INSERT_0_1 Z:I"},
		{nil, "closed"}}},
	{"goodbye in the middle of a batch", []step{
		{join(mParse("", "select 1"), mTerminate()), "closed"}}},
	{"goodbye in the middle of a transaction's batch", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{join(mParse("", "select 1"), mTerminate()), "closed"}}},
}

func (x exchange) run(c *raw, send func(*raw, []byte)) {
	c.t.Helper()
	for i, s := range x.steps {
		send(c, s.send)
		var got []string
		for range strings.Fields(s.want) {
			got = append(got, c.next())
			if strings.HasPrefix(got[len(got)-1], "failed") {
				break
			}
		}
		if all := strings.Join(got, " "); all != s.want {
			c.t.Fatalf("%s, step %d:\ngot  %s\nwant %s", x.name, i, all, s.want)
		}
	}
}

// Ensure that the protocol's corners are answered as PostgreSQL answers them,
// however the bytes arrive, and that the only server is free afterwards.
func TestExchanges(t *testing.T) {
	for _, loops := range []int{1, 2} {
		r := single(t, loops, 1)
		other := r.raw()
		for _, x := range exchanges {
			t.Run(fmt.Sprint(x.name, ", loops ", loops), func(t *testing.T) {
				other.t = t
				for _, send := range []func(*raw, []byte){whole, bytewise} {
					c := r.raw()
					c.t = t
					defer c.conn.Close()
					x.run(c, send)
					c.conn.Close()
					other.do("select 'free'", "T D:free C:SELECT_1 Z:I")
				}
			})
		}
	}
}

func whole(c *raw, b []byte) { c.send(b) }

func bytewise(c *raw, b []byte) {
	for i := range b {
		c.send(b[i : i+1])
	}
}

// Ensure that the test's own expectations are PostgreSQL's.
func TestExchangesAreRight(t *testing.T) {
	r := single(t, 1, 1)
	r.addr = r.cluster.Node(0).Address()
	secret, _ := r.server.users.ServerSecret("bench")
	for _, x := range exchanges {
		t.Run(x.name, func(t *testing.T) {
			c := r.dialRaw()
			c.t = t
			c.login("bench", secret, "bench")
			x.run(c, whole)
		})
	}
}

// Ensure that a statement parsed in one batch serves in a later one although
// its server has been somebody else's in between.
func TestStatementsFollowTheirClient(t *testing.T) {
	for _, loops := range []int{1, 2} {
		r := single(t, loops, 1)
		a, b := r.raw(), r.raw()
		a.send(join(mParse("", "select 'a', $1"), mParse("n", "select 'n', $1"), mSync()))
		a.want(1, "1 1 Z:I")
		for i := range 3 {
			b.send(join(mParse("", "select 'b'"), mParse("n", fmt.Sprint("select ", i)), mBind("", "n"), mExecute("", 0), mClose('S', "n"), mSync()))
			b.want(1, fmt.Sprintf("1 1 2 D:%d C:SELECT_1 3 Z:I", i))
			a.send(join(mBind("", "", "1"), mExecute("", 0), mBind("", "n", "2"), mExecute("", 0), mSync()))
			a.want(1, "2 D:a,1 C:SELECT_1 2 D:n,2 C:SELECT_1 Z:I")
		}
		fresh := r.raw()
		fresh.send(join(mBind("", "", "1"), mExecute("", 0), mSync()))
		fresh.want(1, "E:26000 Z:I")
	}
}

// Ensure that more statements than a server keeps, errors among them, never
// leave the books and the server in disagreement.
func TestStatementsBeyondTheLimit(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, n *int) { s.Auth, p.Size, s.MaxPrepared = config.AuthTrust, 1, 3 })
	clients := []*raw{r.raw(), r.raw()}
	for i := range 60 {
		c := clients[i%2]
		name, sql := fmt.Sprint("s", i), fmt.Sprintf("select %d", i%7)
		if i%5 == 0 {
			c.send(join(one("select 1/0"), mParse(name, sql), mSync()))
			c.want(1, "1 E:22012 Z:I")
		}
		c.send(join(mParse(name, sql), mBind("", name), mExecute("", 0), mSync()))
		c.want(1, fmt.Sprintf("1 2 D:%d C:SELECT_1 Z:I", i%7))
	}
}
