package server

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

const repeatable = "begin isolation level repeatable read, read only"

// Ensure that what a batch carries out behind a block on a standby goes to the primary.
func TestParting(t *testing.T) {
	r := overNodes(t, 1, nil)
	r.cluster.Exec(0, "create table parted (n int primary key)")
	r.caughtUp()
	const write = "insert into parted values (1)"
	t.Run("text", func(t *testing.T) {
		c := r.tied(t)
		c.do("commit; "+write+"; select 1/0", "C:COMMIT C:INSERT_0_1 E:22012 Z:I")
		c.do(repeatable, begun)
		c.do("commit; "+write, "C:COMMIT C:INSERT_0_1 Z:I")
		c.do("delete from parted", "C:DELETE_1 Z:I")
	})
	t.Run("messages", func(t *testing.T) {
		c := r.tied(t)
		c.send(one("commit"), one(write), one("delete from parted"), mSync(), mQuery("select 'next'"))
		c.want(2, "1 2 C:COMMIT 1 2 C:INSERT_0_1 1 2 C:DELETE_1 Z:I T D:next C:SELECT_1 Z:I")
	})
	t.Run("behind another batch", func(t *testing.T) {
		c := r.tied(t)
		c.send(mQuery(where), mQuery("commit; "+write), mQuery("delete from parted"))
		c.want(3, onStandby+" C:COMMIT C:INSERT_0_1 Z:I C:DELETE_1 Z:I")
	})
	t.Run("a read that tells nodes apart", func(t *testing.T) {
		c := r.tied(t)
		c.send(one("rollback"), one("show transaction_read_only"), mSync())
		c.want(1, "1 2 C:ROLLBACK 1 2 D:off C:SHOW Z:I")
	})
	t.Run("a failed first part", func(t *testing.T) {
		c := r.tied(t)
		c.do("select 1/0; commit; "+write, "E:22012 Z:E")
		c.send(one("select 1"), one("commit"), one(write), mSync(), mQuery("rollback; select 'next'"))
		c.want(2, "E:25P02 Z:E C:ROLLBACK T D:next C:SELECT_1 Z:I")
	})
	t.Run("a lost first part", func(t *testing.T) {
		lose := func(c *raw) {
			r.runsOnStandby(t, "%pg_sleep(100)%")
			r.killServers(1)
		}
		c := r.tied(t)
		c.send(mQuery("select pg_sleep(100); commit; " + write))
		lose(c)
		c.want(1, "T E:40001 Z:E")
		c.do("rollback", rolledBack)
		c = r.tied(t)
		c.send(one("select pg_sleep(100)"), one("commit"), one(write), mSync(), mQuery("select 'next'"))
		lose(c)
		c.want(2, "1 2 E:40001 Z:E E:25P02 Z:E")
		c.do("rollback; select count(*) from parted", "C:ROLLBACK T D:0 C:SELECT_1 Z:I")
	})
}

// tied is a client in a block that its standby keeps.
func (r *rig) tied(t *testing.T) *raw {
	t.Helper()
	c := r.raw()
	c.t = t
	c.do(repeatable, begun)
	c.do(where, onStandby)
	return c
}

// Ensure that an error tells its position in the text that the client has sent.
func TestPartingKeepsPositions(t *testing.T) {
	r := overNodes(t, 1, nil)
	position := func(conn *pgconn.PgConn) int32 {
		for _, sql := range []string{repeatable, "select standby from place"} {
			if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
				t.Fatal(err)
			}
		}
		_, err := conn.Exec(t.Context(), "commit /* \u00e9\u00e8 */;\nselect '\u00fc', nowhere").ReadAll()
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "42703" {
			t.Fatal(err)
		}
		return e.Position
	}
	if got, want := position(r.connect().PgConn()), position(r.cluster.Conn(0).PgConn()); got != want {
		t.Errorf("got position %d, want %d", got, want)
	}
}

// Ensure that the client's text goes on behind the end of a transaction whose server
// was lost.
func TestPartingOfOrphans(t *testing.T) {
	r := single(t, 1, 1)
	lost := func() *raw {
		c := r.raw()
		c.do("begin", begun)
		c.do("insert into t values ('x')", "C:INSERT_0_1 Z:T")
		r.killServers(0)
		c.do("select 1; rollback", "E:40001 Z:E")
		c.do("select 1; rollback", "E:25P02 Z:E")
		return c
	}
	lost().do("commit; insert into t values ('y')", "C:ROLLBACK C:INSERT_0_1 Z:I")
	c := lost()
	c.do("rollback and chain; insert into t values ('z')", "C:ROLLBACK C:INSERT_0_1 Z:T")
	c.do("commit", committed)
	c = lost()
	c.send(one("commit and chain"), one("insert into t values ('z')"), mSync())
	c.want(1, "1 2 C:ROLLBACK 1 2 C:INSERT_0_1 Z:T")
	c.do("rollback; select count(*) from t", "C:ROLLBACK T D:2 C:SELECT_1 Z:I")
}
