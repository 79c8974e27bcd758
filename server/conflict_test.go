package server

import (
	"strings"
	"syscall"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that conflicts with recovery, and the end of a standby's processes, are
// mended where they can be and told where not.
func TestRecoveryConflicts(t *testing.T) {
	r := newRig(t, 1, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, 3 },
		pgtest.WithSetting("max_standby_streaming_delay", "0"))
	r.cluster.Exec(0, "create table seen (a int)")
	r.cluster.Exec(0, "insert into seen values (1)")
	r.cluster.Exec(0, "create view place as select pg_is_in_recovery() as standby")
	r.caughtUp()
	t.Run("statement", func(t *testing.T) { testConflictOfStatement(t, r) })
	t.Run("pipeline", func(t *testing.T) { testConflictInPipeline(t, r) })
	t.Run("rows", func(t *testing.T) { testConflictAfterRows(t, r) })
	t.Run("block", func(t *testing.T) { testConflictInBlock(t, r) })
	t.Run("terminated", func(t *testing.T) { testReadTerminated(t, r) })
}

// slowOnStandby reads seen, and is in no hurry on a standby.
const slowOnStandby = "select count(*) as n from seen where case when (select standby from place) then pg_sleep(60) is not null else true end"

// runsOnStandby waits until a statement does.
func (r *rig) runsOnStandby(t *testing.T, like string) {
	t.Helper()
	watch := r.cluster.Conn(1)
	await(t, func() bool {
		return query[int](t, watch, "select count(*) from pg_stat_activity where state = 'active' and wait_event = 'PgSleep' and query like $1", like) > 0
	})
}

// conflict ends whatever has seen locked on the standby.
func (r *rig) conflict() {
	r.cluster.Exec(0, "do $$ begin lock table seen; end $$")
	r.caughtUp()
}

// Ensure that a read that is in the way of replay ends up on the primary unseen, and
// that the next one of its kind goes to the standby again.
func testConflictOfStatement(t *testing.T, r *rig) {
	const named = "select a as name from seen where case when (select standby from place) then pg_sleep(60) is not null else true end"
	for _, send := range [][]byte{mQuery(slowOnStandby), join(one(slowOnStandby), mSync()), join(mParse("s", named), mBind("", "s"), mExecute("", 0), mSync())} {
		c := r.raw()
		before := r.server.Selects(1)
		c.send(send)
		r.runsOnStandby(t, "%from seen%")
		r.conflict()
		if got := strings.TrimPrefix(c.answers(1), "T "); got != "D:1 C:SELECT_1 Z:I" && got != "1 2 D:1 C:SELECT_1 Z:I" {
			t.Errorf("got %s", got)
		}
		if n := r.server.Selects(1) - before; n != 1 {
			t.Errorf("the standby was asked %d times, want 1", n)
		}
		c.do("select standby from place", "T D:t C:SELECT_1 Z:I")
	}
	for _, sql := range []string{slowOnStandby, named} {
		if r.server.parser.Parse([]byte(sql)).StandbyRefused() {
			t.Errorf("%s is kept from standbys", sql)
		}
	}
}

func testConflictInPipeline(t *testing.T, r *rig) {
	c := r.raw()
	c.send(mQuery("select 'first'"), mQuery(slowOnStandby), join(one("select 'last'"), mSync()))
	c.want(1, "T D:first C:SELECT_1 Z:I")
	r.runsOnStandby(t, "%from seen%")
	r.conflict()
	c.want(2, "T D:1 C:SELECT_1 Z:I 1 2 D:last C:SELECT_1 Z:I")
}

// Ensure that a conflict that comes too late is told, and that the session lives on.
func testConflictAfterRows(t *testing.T, r *rig) {
	c := r.raw()
	c.send(mQuery("select repeat('x', 1000) from generate_series(1, 3000) i where case when i = 2900 then (select count(*) from seen) is not null and pg_sleep(60) is not null else true end"), mQuery("select 'behind'"))
	r.runsOnStandby(t, "select repeat%")
	if typ, _, err := c.frame(); typ != 'T' {
		t.Fatalf("got %q, %v", typ, err)
	}
	r.conflict()
	if got := c.answers(1); !strings.HasSuffix(got, "E:40001 Z:I") {
		t.Errorf("the answer ends with %s", got[max(0, len(got)-60):])
	}
	c.want(1, "T D:behind C:SELECT_1 Z:I")
	for _, p := range r.pools.Reports() {
		if p.Active > 0 {
			t.Errorf("the pool of node %d is left as %+v", p.Node, p)
		}
	}
}

// Ensure that a block that may move does, also when the standby ends its connection,
// and that one that may not is failed.
func testConflictInBlock(t *testing.T, r *rig) {
	c := r.raw()
	c.do("begin", begun)
	c.send(mQuery(slowOnStandby))
	r.runsOnStandby(t, "%from seen%")
	r.conflict()
	c.want(1, "T D:1 C:SELECT_1 Z:T")
	c.do("commit", committed)

	c.do("begin", begun)
	c.do("select a from seen", "T D:1 C:SELECT_1 Z:T")
	r.conflict() // it ends the idle connection
	c.do("select a from seen", "T D:1 C:SELECT_1 Z:T")
	c.do("commit", committed)

	c.do("begin isolation level repeatable read, read only", begun)
	c.send(mQuery(slowOnStandby))
	r.runsOnStandby(t, "%from seen%")
	r.conflict()
	c.want(1, "T D:1 C:SELECT_1 Z:T") // the first statement may move
	c.do("commit", committed)

	c.do("begin isolation level repeatable read, read only", begun)
	c.do("select a from seen", "T D:1 C:SELECT_1 Z:T")
	r.conflict()
	c.do("select a from seen", "E:40001 Z:E")
	c.do("rollback", rolledBack)

	c.do("begin isolation level repeatable read, read only", begun)
	c.do("select 1", "T D:1 C:SELECT_1 Z:T")
	c.send(mQuery(slowOnStandby))
	r.runsOnStandby(t, "%from seen%")
	r.conflict()
	if e := c.errorOf(); e.Code != "40001" || !strings.Contains(e.Hint, "pgherd.route") {
		t.Errorf("got %s, hint %q", e.Code, e.Hint)
	}
	c.want(1, "Z:E")
	c.do("rollback", rolledBack)
}

// Ensure that a read whose process is ended is carried out all the same: by an
// administrator (57P01), and by the crash of another process (57P02), after which the
// standby takes nobody for a while (57P03).
func testReadTerminated(t *testing.T, r *rig) {
	c := r.raw()
	const pids = "select pid from pg_stat_activity where usename = 'bench' and backend_type = 'client backend' and query like $1 and state = 'active' and pid <> pg_backend_pid()"
	c.send(mQuery("select pg_sleep(1), 'terminated'"))
	r.runsOnStandby(t, "%terminated%")
	query[bool](t, r.cluster.Conn(1), "select pg_terminate_backend(("+pids+"))", "%terminated%")
	c.want(1, "T D:,terminated C:SELECT_1 Z:I")

	c.send(mQuery("select 'first'"), mQuery("select pg_sleep(1), 'terminated'"), join(one("select 'last'"), mSync()))
	c.want(1, "T D:first C:SELECT_1 Z:I")
	r.runsOnStandby(t, "%terminated%")
	query[bool](t, r.cluster.Conn(1), "select pg_terminate_backend(("+pids+"))", "%terminated%")
	c.want(2, "T D:,terminated C:SELECT_1 Z:I 1 2 D:last C:SELECT_1 Z:I")

	c.send(mQuery("select repeat('x', 1000) from generate_series(1, 100) i where i < 90 or pg_sleep(60) is null -- terminated"), mQuery("select 'behind'"))
	r.runsOnStandby(t, "%terminated%")
	if typ, _, err := c.frame(); typ != 'T' { // too late
		t.Fatalf("got %q, %v", typ, err)
	}
	query[bool](t, r.cluster.Conn(1), "select pg_terminate_backend(("+pids+"))", "%terminated%")
	if got := c.answers(2); !strings.HasSuffix(got, "E:08006 Z:I T D:behind C:SELECT_1 Z:I") {
		t.Errorf("the answer ends with %s", got[max(0, len(got)-60):])
	}

	c.send(mQuery("select pg_sleep(1), 'crashed'"))
	r.runsOnStandby(t, "%crashed%")
	r.crash(t, 1)
	c.want(1, "T D:,crashed C:SELECT_1 Z:I")
}

// crash kills a process of a node, which has all others end, and starts again.
func (r *rig) crash(t *testing.T, id cluster.NodeID) {
	c, err := r.cluster.Connect(t.Context(), id, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if err := syscall.Kill(int(c.PgConn().PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
