package server

import (
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// blocks are exchanges in transaction blocks. Their answers are PostgreSQL's.
var blocks = []exchange{
	{"nothing in it", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("commit"), "C:COMMIT Z:I"},
		{mQuery("start transaction isolation level serializable, read only, deferrable"), "C:START_TRANSACTION Z:T"},
		{mQuery("abort"), "C:ROLLBACK Z:I"},
		{mQuery("end"), "C:COMMIT Z:I"}}},
	{"in the extended protocol", []step{
		{join(one("begin"), mSync()), "1 2 C:BEGIN Z:T"},
		{join(one("select 1"), mSync()), "1 2 D:1 C:SELECT_1 Z:T"},
		{join(mParse("", "commit"), mDescribe('S', ""), mBind("", ""), mDescribe('P', ""), mExecute("", 0), mSync()), "1 t n 2 n C:COMMIT Z:I"},
		{join(mParse("", "begin"), mDescribe('S', ""), mBind("", ""), mDescribe('P', ""), mExecute("", 0), mSync()), "1 t n 2 n C:BEGIN Z:T"},
		{join(one("rollback"), mSync()), "1 2 C:ROLLBACK Z:I"}}},
	{"named statements", []step{
		{join(mParse("b", "begin"), mParse("c", "commit"), mParse("i", "insert into t values ('n')"), mParse("s", "select 's'"), mSync()), "1 1 1 1 Z:I"},
		{join(mBind("", "b"), mExecute("", 0), mSync()), "2 C:BEGIN Z:T"},
		{join(mBind("", "s"), mExecute("", 0), mSync()), "2 D:s C:SELECT_1 Z:T"},
		{join(mBind("", "i"), mExecute("", 0), mSync()), "2 C:INSERT_0_1 Z:T"},
		{join(mBind("", "s"), mExecute("", 0), mSync()), "2 D:s C:SELECT_1 Z:T"},
		{join(mBind("", "c"), mExecute("", 0), mSync()), "2 C:COMMIT Z:I"},
		{join(mBind("", "b"), mExecute("", 0), mBind("", "s"), mExecute("", 0), mSync()), "2 C:BEGIN 2 D:s C:SELECT_1 Z:T"},
		{join(mBind("", "i"), mExecute("", 0), mBind("", "c"), mExecute("", 0), mSync()), "2 C:INSERT_0_1 2 C:COMMIT Z:I"}}},
	{"BEGIN and its first statement in one batch", []step{
		{join(one("begin"), one("select 1"), mSync()), "1 2 C:BEGIN 1 2 D:1 C:SELECT_1 Z:T"},
		{join(one("select 2"), mSync()), "1 2 D:2 C:SELECT_1 Z:T"},
		{join(one("insert into t values ('b')"), mSync()), "1 2 C:INSERT_0_1 Z:T"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"},
		{join(one("begin"), one("insert into t values ('b')"), mSync()), "1 2 C:BEGIN 1 2 C:INSERT_0_1 Z:T"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"pipelined", []step{
		{join(mQuery("begin"), mQuery("select 1"), mQuery("select 2"), mQuery("commit"), mQuery("select 3")),
			"C:BEGIN Z:T T D:1 C:SELECT_1 Z:T T D:2 C:SELECT_1 Z:T C:COMMIT Z:I T D:3 C:SELECT_1 Z:I"},
		{join(mQuery("begin"), mQuery("select 1"), mQuery("insert into t values ('p')"), mQuery("select 2"), mQuery("commit"), mQuery("begin"), mQuery("commit")),
			"C:BEGIN Z:T T D:1 C:SELECT_1 Z:T C:INSERT_0_1 Z:T T D:2 C:SELECT_1 Z:T C:COMMIT Z:I C:BEGIN Z:T C:COMMIT Z:I"},
		{join(one("begin"), mSync(), one("select 1"), mSync(), one("commit"), mSync()), "1 2 C:BEGIN Z:T 1 2 D:1 C:SELECT_1 Z:T 1 2 C:COMMIT Z:I"}}},
	{"pipelined behind the end", []step{
		{mQuery("begin read only"), "C:BEGIN Z:T"},
		{mQuery("savepoint a"), "C:SAVEPOINT Z:T"},
		{join(mQuery("commit"), mQuery("insert into t values ('w')")), "C:COMMIT Z:I C:INSERT_0_1 Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1/0"), "E:22012 Z:E"},
		{join(mQuery("rollback"), mQuery("begin isolation level serializable"), mQuery("select 1"), mQuery("commit")),
			"C:ROLLBACK Z:I C:BEGIN Z:T T D:1 C:SELECT_1 Z:T C:COMMIT Z:I"}}},
	{"several statements in one text", []step{
		{mQuery("begin; select 1"), "C:BEGIN T D:1 C:SELECT_1 Z:T"},
		{mQuery("commit; select 2"), "C:COMMIT T D:2 C:SELECT_1 Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1; insert into t values ('m'); commit"), "T D:1 C:SELECT_1 C:INSERT_0_1 C:COMMIT Z:I"}}},
	{"chained", []step{
		{mQuery("begin read only"), "C:BEGIN Z:T"},
		{mQuery("commit and chain"), "C:COMMIT Z:T"},
		{mQuery("show transaction_read_only"), "T D:on C:SHOW Z:T"},
		{mQuery("select 1"), "T D:1 C:SELECT_1 Z:T"},
		{mQuery("rollback and chain"), "C:ROLLBACK Z:T"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"chained behind a failure, with modes", []step{
		{mQuery("begin isolation level repeatable read, read only"), "C:BEGIN Z:T"},
		{mQuery("select 1/0"), "E:22012 Z:E"},
		{join(one("rollback and chain"), one("begin isolation level repeatable read"), mSync()), "1 2 C:ROLLBACK 1 2 C:BEGIN Z:T"},
		{mQuery("select current_setting('transaction_isolation') = 'repeatable read'"), "T D:t C:SELECT_1 Z:T"},
		{mQuery("show transaction_read_only"), "T D:off C:SHOW Z:T"},
		{mQuery("insert into t values ('chained')"), "C:INSERT_0_1 Z:T"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"modes that come too late", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1"), "T D:1 C:SELECT_1 Z:T"},
		{mQuery("set transaction isolation level serializable"), "E:25001 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1"), "T D:1 C:SELECT_1 Z:T"},
		{mQuery("insert into t values ('late')"), "C:INSERT_0_1 Z:T"},
		{mQuery("begin isolation level serializable"), "E:25001 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"},
		{join(one("begin"), one("select 1"), mSync()), "1 2 C:BEGIN 1 2 D:1 C:SELECT_1 Z:T"},
		{mQuery("set transaction isolation level repeatable read"), "E:25001 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"modes", []step{
		{mQuery("begin isolation level repeatable read, read only, deferrable"), "C:BEGIN Z:T"},
		{mQuery("select current_setting('transaction_isolation') = 'repeatable read'"), "T D:t C:SELECT_1 Z:T"},
		{mQuery("show transaction_deferrable"), "T D:on C:SHOW Z:T"},
		{mQuery("insert into t values ('r')"), "E:25006 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("set transaction isolation level serializable"), "C:SET Z:T"},
		{mQuery("show transaction_isolation"), "T D:serializable C:SHOW Z:T"},
		{mQuery("insert into t values ('s')"), "C:INSERT_0_1 Z:T"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"errors", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1/0"), "E:22012 Z:E"},
		{mQuery("select 1"), "E:25P02 Z:E"},
		{join(mParse("", "select 1"), mSync()), "E:25P02 Z:E"},
		{mQuery("commit"), "C:ROLLBACK Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("selec"), "E:42601 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1"), "T D:1 C:SELECT_1 Z:T"},
		{join(one("select 1/0"), one("select 2"), mSync()), "1 E:22012 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"savepoints and SET LOCAL", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1"), "T D:1 C:SELECT_1 Z:T"},
		{mQuery("savepoint a"), "C:SAVEPOINT Z:T"},
		{mQuery("set local work_mem = '2MB'"), "C:SET Z:T"},
		{mQuery("select 1/0"), "E:22012 Z:E"},
		{mQuery("rollback to a"), "C:ROLLBACK Z:T"},
		{mQuery("show work_mem"), "T D:4MB C:SHOW Z:T"},
		{mQuery("commit"), "C:COMMIT Z:I"}}},
	{"cursors and portals", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 0"), "T D:0 C:SELECT_1 Z:T"},
		{mQuery("declare c cursor for select generate_series(1, 3)"), "C:DECLARE_CURSOR Z:T"},
		{mQuery("fetch 2 c"), "T D:1 D:2 C:FETCH_2 Z:T"},
		{join(mParse("", "select generate_series(1,3)"), mBind("p", ""), mExecute("p", 2), mSync()), "1 2 D:1 D:2 s Z:T"},
		{join(mExecute("p", 2), mSync()), "D:3 C:SELECT_1 Z:T"},
		{mQuery("commit"), "C:COMMIT Z:I"},
		{mQuery("begin read only"), "C:BEGIN Z:T"},
		{mQuery("declare c cursor for select generate_series(1, 3)"), "C:DECLARE_CURSOR Z:T"},
		{mQuery("fetch 2 c"), "T D:1 D:2 C:FETCH_2 Z:T"},
		{join(mParse("", "select generate_series(1,3)"), mBind("p", ""), mExecute("p", 2), mSync()), "1 2 D:1 D:2 s Z:T"},
		{mQuery("commit"), "C:COMMIT Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{join(mParse("", "select generate_series(1,3)"), mBind("", ""), mExecute("", 1), mSync()), "1 2 D:1 s Z:T"},
		{mQuery("commit"), "C:COMMIT Z:I"}}},
	{"flushed", []step{
		{join(one("begin"), mFlush()), "1 2 C:BEGIN"},
		{join(one("select 1"), mFlush()), "1 2 D:1 C:SELECT_1"},
		{join(one("commit"), mSync()), "1 2 C:COMMIT Z:I"}}},
	{"a large statement", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("select 1"), "T D:1 C:SELECT_1 Z:T"},
		{mQuery("select length('" + strings.Repeat("x", 2000000) + "')"), "T D:2000000 C:SELECT_1 Z:T"},
		{mQuery("commit"), "C:COMMIT Z:I"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{join(mParse("", "select length($1)"), mBind("", "", strings.Repeat("x", 2000000)), mExecute("", 0), mSync()), "1 2 D:2000000 C:SELECT_1 Z:T"},
		{mQuery("commit"), "C:COMMIT Z:I"}}},
	{"copy", []step{
		{mQuery("begin"), "C:BEGIN Z:T"},
		{mQuery("copy (select 1) to stdout"), "H d c C:COPY_1 Z:T"},
		{mQuery("copy t from stdin"), "G"},
		{join(mData("x\n"), mDone()), "C:COPY_1 Z:T"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"reads that a standby refuses", []step{
		{join(mQuery("begin"), mQuery("select 1"), mQuery("select f, 1 from writing"), mQuery("select 2"), mQuery("rollback")),
			"C:BEGIN Z:T T D:1 C:SELECT_1 Z:T T D:1,1 C:SELECT_1 Z:T T D:2 C:SELECT_1 Z:T C:ROLLBACK Z:I"},
		{join(one("begin"), one("select 1"), one("select f, 2, 2 from writing"), mSync(), one("rollback"), mSync()),
			"1 2 C:BEGIN 1 2 D:1 C:SELECT_1 1 2 D:1,2,2 C:SELECT_1 Z:T 1 2 C:ROLLBACK Z:I"},
		{mQuery("begin isolation level repeatable read, read only"), "C:BEGIN Z:T"},
		{mQuery("select f, 3, 3, 3 from writing"), "T E:25006 Z:E"},
		{mQuery("rollback"), "C:ROLLBACK Z:I"}}},
	{"begin twice, and something odd", []step{
		{join(one("begin"), one("begin"), mSync()), "1 2 C:BEGIN 1 2 C:BEGIN Z:T"},
		{mQuery("begin"), "C:BEGIN Z:T"},
		{join(mParse("", "commit"), mSync()), "1 Z:T"},
		{join(mBind("", ""), mExecute("", 0), mSync()), "2 C:COMMIT Z:I"},
		{join(mParse("", "begin"), mBind("", "", "surplus"), mExecute("", 0), mSync()), "1 E:08P01 Z:I"},
		{mQuery("prepare transaction 'x'"), "C:ROLLBACK Z:I"}}},
}

// overNodes is a rig with standbys that have caught up with a few things.
func overNodes(t *testing.T, standbys int, change func(*Config, *pool.Config, *int)) *rig {
	r := newRig(t, standbys, func(s *Config, p *pool.Config, n *int) {
		s.Auth = config.AuthTrust
		if change != nil {
			change(s, p, n)
		}
	})
	r.cluster.Exec(0, "create table t (a text)")
	r.cluster.Exec(0, "create view place as select pg_is_in_recovery() as standby")
	r.cluster.Exec(0, "create function fool() returns int stable language sql as $$ insert into t values ('fool'); select 1 $$")
	r.cluster.Exec(0, "alter function fool() volatile")
	r.cluster.Exec(0, "create view writing as select fool() as f")
	r.caughtUp()
	return r
}

func (r *rig) caughtUp() {
	for _, n := range r.cluster.Nodes()[1:] {
		r.cluster.AwaitCaughtUp(0, n.ID)
	}
}

// Ensure that transaction blocks are answered as PostgreSQL answers them, with and
// without standbys.
func TestBlocks(t *testing.T) {
	r := overNodes(t, 2, nil)
	for _, x := range blocks {
		t.Run(x.name, func(t *testing.T) {
			for _, send := range []func(*raw, []byte){whole, bytewise} {
				if x.name == "a large statement" {
					send = whole
				}
				c := r.raw()
				c.t = t
				x.run(c, send)
				c.conn.Close()
			}
		})
	}
	t.Run("on one node, directly", func(t *testing.T) {
		for _, x := range blocks {
			c := r.direct()
			c.t = t
			x.run(c, whole)
			c.conn.Close()
		}
	})
}

// direct connects to the primary itself.
func (r *rig) direct() *raw {
	r.Helper()
	addr := r.addr
	defer func() { r.addr = addr }()
	r.addr = r.cluster.Node(0).Address()
	secret, _ := r.server.users.ServerSecret("bench")
	c := r.dialRaw()
	c.login("bench", secret, "bench")
	return c
}
