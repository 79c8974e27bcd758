package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

const (
	where      = "select standby from place" // pg_is_in_recovery itself would be tied to its node
	onStandby  = "T D:t C:SELECT_1 Z:T"
	atPrimary  = "T D:f C:SELECT_1 Z:T"
	begun      = "C:BEGIN Z:T"
	committed  = "C:COMMIT Z:I"
	rolledBack = "C:ROLLBACK Z:I"
)

func TestBlockRules(t *testing.T) {
	r := overNodes(t, 1, nil)
	t.Run("where", func(t *testing.T) { testWhereBlocksRun(t, r) })
	t.Run("warnings", func(t *testing.T) { testBlockWarnings(t, r) })
	t.Run("never stale", func(t *testing.T) { testBlocksAreNeverStale(t, r) })
}

// Ensure that the statements of a block run where the rules say.
func testWhereBlocksRun(t *testing.T, r *rig) {
	for _, c := range []struct {
		name, before, begin, statement, answer, after string
	}{
		{"reads only", "", "begin", "select 1", "T D:1 C:SELECT_1 Z:T", onStandby},
		{"a write", "", "begin", "insert into t values ('w')", "C:INSERT_0_1 Z:T", atPrimary},
		{"READ WRITE", "", "begin read write", "select 1", "T D:1 C:SELECT_1 Z:T", atPrimary},
		{"SERIALIZABLE", "", "begin isolation level serializable read only", "select 1", "T D:1 C:SELECT_1 Z:T", atPrimary},
		{"REPEATABLE READ", "", "begin isolation level repeatable read", "select 1", "T D:1 C:SELECT_1 Z:T", atPrimary},
		{"REPEATABLE READ, READ ONLY", "", "begin isolation level repeatable read, read only", "select 1", "T D:1 C:SELECT_1 Z:T", onStandby},
		{"READ ONLY", "", "begin read only", "savepoint a", "C:SAVEPOINT Z:T", onStandby},
		{"READ ONLY, for the primary", "", "begin read only", "show work_mem", "T D:4MB C:SHOW Z:T", atPrimary},
		{"default SERIALIZABLE", "set default_transaction_isolation = 'serializable'", "begin", "select 1", "T D:1 C:SELECT_1 Z:T", atPrimary},
		{"default REPEATABLE READ", "set default_transaction_isolation = 'Repeatable Read'", "begin", "select 1", "T D:1 C:SELECT_1 Z:T", atPrimary},
		{"the default overruled", "set default_transaction_isolation = 'repeatable read'", "begin isolation level read committed", "select 1", "T D:1 C:SELECT_1 Z:T", onStandby},
		{"default READ ONLY", "set default_transaction_isolation = 'repeatable read'; set default_transaction_read_only = on", "begin", "select 1", "T D:1 C:SELECT_1 Z:T", onStandby},
		{"now()", "", "begin", "select now() is null", "T D:f C:SELECT_1 Z:T", atPrimary},
		{"now() in READ ONLY", "", "begin read only", "select now() is null", "T D:f C:SELECT_1 Z:T", onStandby},
		{"a savepoint", "", "begin", "savepoint a", "C:SAVEPOINT Z:T", atPrimary},
		{"a lock", "", "begin", "select a from t where false for update", "T C:SELECT_0 Z:T", atPrimary},
		{"LOCK", "", "begin", "lock t", "C:LOCK_TABLE Z:T", atPrimary},
		{"SET LOCAL", "", "begin", "set local work_mem = '2MB'", "C:SET Z:T", atPrimary},
		{"a refused read", "", "begin", "select f from writing", "T D:1 C:SELECT_1 Z:T", atPrimary},
		{"two statements in one", "", "begin", "select 1; select 2", "T D:1 C:SELECT_1 T D:2 C:SELECT_1 Z:T", atPrimary},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := r.raw()
			client.t = t
			if c.before != "" {
				client.send(mQuery(c.before))
				client.until('Z')
			}
			client.do(c.begin, begun)
			client.do(c.statement, c.answer)
			client.do(where, c.after)
			client.do("rollback", rolledBack)
			if c.after == atPrimary && c.begin == "begin" && c.before == "" { // it moves there, too
				client = r.raw()
				client.do(c.begin, begun)
				client.do(where, onStandby)
				client.do(c.statement, c.answer)
				client.do(where, atPrimary)
				client.do("rollback", rolledBack)
			}
		})
	}
	await(t, func() bool { return r.openOnStandby() == 0 })
}

// Ensure that the warnings are PostgreSQL's.
func testBlockWarnings(t *testing.T, r *rig) {
	var told []string
	c, err := pgconn.ParseConfig(r.dsn())
	if err != nil {
		t.Fatal(err)
	}
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { told = append(told, n.Severity+" "+n.Code) }
	conn, err := pgconn.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, sql := range []string{"begin", "begin", "commit", "commit", "begin", "select 1", "start transaction", "rollback", "rollback"} {
		if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(told, ", "); got != "WARNING 25001, WARNING 25P01, WARNING 25001, WARNING 25P01" {
		t.Errorf("the client was told %s", got)
	}
}

// Ensure that a shutdown waits for a block although no server is held for it.
func TestShutdownWaitsForBlock(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	c.do("begin", begun)
	c.do("select 1", "T D:1 C:SELECT_1 Z:T")
	c.do("commit", committed)
	c.do("begin", begun)
	limit, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var over sync.WaitGroup
	over.Go(func() { r.server.Shutdown(limit) })
	await(t, r.server.draining.Load)
	c.do("insert into t values ('late')", "C:INSERT_0_1 Z:T")
	c.do("commit", committed)
	if got := c.until('!'); got != "E:57P01 closed" {
		t.Errorf("got %s", got)
	}
	over.Wait()
}

// openOnStandby counts the transactions that clients have on node 1.
func (r *rig) openOnStandby() int {
	return query[int](r.T, r.cluster.Conn(1), "select count(*) from pg_stat_activity where usename = 'bench' and application_name = '' and state like 'idle in%'")
}

// Ensure that what a node's own configuration says of isolation counts.
func TestIsolationOfTheNodes(t *testing.T) {
	r := overNodes(t, 1, nil)
	r.cluster.Exec(0, "alter database bench set default_transaction_isolation = 'repeatable read'")
	r.caughtUp()
	c := r.raw()
	c.do("begin", begun)
	c.do(where, atPrimary)
	c.do("show transaction_isolation", "T D:repeatable read C:SHOW Z:T")
	c.do("commit", committed)
	if _, told := c.params[pool.DefaultIsolation]; told {
		t.Error("the client was told of default_transaction_isolation")
	}
}

// Ensure that BEGIN is not sent before the first statement, unless it shall be.
func TestDeferBegin(t *testing.T) {
	r := single(t, 1, 1)
	holder, c := r.raw(), r.raw()
	holder.do("begin; select 1", "C:BEGIN T D:1 C:SELECT_1 Z:T")
	c.do("begin", begun) // the only server is somebody else's
	c.do("commit", committed)
	c.send(mQuery("begin"), mQuery("select 1"))
	c.want(1, begun)
	holder.do("rollback", rolledBack)
	c.want(1, "T D:1 C:SELECT_1 Z:T")
	c.do("commit", committed)

	eager := overNodes(t, 1, func(s *Config, _ *pool.Config, _ *int) { s.DeferBegin = false })
	c = eager.raw()
	c.do("begin", begun)
	if n := query[int](t, eager.cluster.Conn(0), "select count(*) from pg_stat_activity where state = 'idle in transaction'"); n != 1 {
		t.Errorf("%d transactions are open on the primary", n)
	}
	c.do(where, atPrimary)
	c.do("commit", committed)
	c.do("begin read only", begun)
	c.do(where, onStandby)
}

// Ensure that a block without a server fails with the statement that finds none,
// and that a client that is silent in it is thrown out.
func TestBlockWithoutServer(t *testing.T) {
	var hurry atomic.Bool
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth, p.Size = config.AuthTrust, 1
		s.Profile = func(string, string) Profile {
			if !hurry.Load() {
				return Profile{QueryWaitTimeout: time.Minute}
			}
			return Profile{QueryWaitTimeout: time.Second, IdleTransactionTimeout: 2 * time.Second}
		}
	})
	r.raw() // has the server dialled, however long that takes
	hurry.Store(true)
	c := r.raw()
	r.publish(cluster.NoNode)
	const write = "create table u ()"
	c.do("begin", begun)
	c.do(write, "E:57P03 Z:E")
	c.do("select 1", "E:25P02 Z:E")
	c.do("commit", rolledBack)
	c.do("begin", begun)
	c.send(join(one(write), mSync()))
	c.want(1, "E:57P03 Z:E")
	c.do("rollback", rolledBack)
	r.publish(0)
	c.do("begin", begun)
	c.do("select 1", "T D:1 C:SELECT_1 Z:T")
	c.do("commit", committed)
	c.do("begin", begun)
	if got := c.until('!'); got != "E:25P03 closed" {
		t.Errorf("a silent client got %s", got)
	}
}

// Ensure that a block that has only read survives the loss of its standby, and
// that one that is tied to it does not pretend to.
func TestBlockLosesStandby(t *testing.T) {
	r := overNodes(t, 1, nil)
	kill := func() { r.killServers(1) }
	c := r.raw()
	c.do("begin", begun)
	c.do(where, onStandby)
	kill()
	c.do(where, onStandby)
	kill()
	c.do("commit", committed)
	c.do("begin isolation level repeatable read, read only", begun)
	c.do(where, onStandby)
	kill()
	c.do(where, "E:40001 Z:E")
	c.do("commit", rolledBack)
	c.do("begin", begun)
	kill()
	c.do(where, onStandby)
	c.do("insert into t values ('x')", "C:INSERT_0_1 Z:T")
	kill()
	c.do("select a from t", "T D:x C:SELECT_1 Z:T")
	c.do("commit", committed)
}

// killServers terminates the backends of a node that serve clients.
func (r *rig) killServers(node cluster.NodeID) {
	r.Helper()
	conn := r.cluster.Conn(node)
	const servers = "from pg_stat_activity where usename = 'bench' and backend_type = 'client backend' and pid <> pg_backend_pid() and query not like '%lsn%'"
	query[int](r.T, conn, "select count(pg_terminate_backend(pid)) "+servers)
	await(r.T, func() bool { return query[int](r.T, conn, "select count(*) "+servers) == 0 })
}

// Ensure that a block's reads see what its session has written, on whichever node.
func testBlocksAreNeverStale(t *testing.T, r *rig) {
	r.cluster.Exec(0, "create table counter (n int)")
	r.cluster.Exec(0, "insert into counter values (0)")
	r.caughtUp()
	c := r.raw()
	standby := 0
	for i := range 100 {
		c.do("begin", begun)
		c.do("select n from counter", fmt.Sprintf("T D:%d C:SELECT_1 Z:T", i))
		c.send(mQuery(where))
		if c.answers(1) == onStandby {
			standby++
		}
		c.do("update counter set n = n + 1", "C:UPDATE_1 Z:T")
		c.do("select n from counter", fmt.Sprintf("T D:%d C:SELECT_1 Z:T", i+1))
		c.do("commit", committed)
	}
	if standby < 50 {
		t.Errorf("only %d of 100 blocks began on the standby", standby)
	}
}

// Ensure that whom a shutdown cuts off is told so: who runs something, who waits in
// a transaction, and who has not got a server yet.
func TestShutdownTellsTheRest(t *testing.T) {
	r := single(t, 1, 1)
	busy, open := r.raw(), r.raw()
	open.do("begin", begun)
	busy.send(mQuery("select pg_sleep(60)"))
	await(t, func() bool {
		return query[int](t, r.cluster.Conn(0), "select count(*) from pg_stat_activity where query like '%sleep(60)' and pid <> pg_backend_pid()") == 1
	})
	login := r.dialRaw()
	login.send(wire.AppendStartup(nil, "user", "bench", "database", "bench", "work_mem", "3MB"))
	await(t, func() bool {
		pools := r.server.Pools()
		return len(pools) == 1 && pools[0].Waiting == 1
	})
	limit, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	began := time.Now()
	r.server.Shutdown(limit)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	for name, c := range map[string]*raw{"busy": busy, "in a block": open, "at login": login} {
		if got := c.until('!'); !strings.HasSuffix(got, "E:57P01 closed") {
			t.Errorf("%s: got %s", name, got)
		}
	}
}
