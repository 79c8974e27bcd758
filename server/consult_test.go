package server

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// Ensure that what Pgpool-II answers in any session is answered by the console, with
// both protocols, in its turn, also when it fails.
func TestConsoleQuestions(t *testing.T) {
	r := newRig(t, 0, trust)
	c := r.raw()
	ask := func(sql string) []byte {
		return join(mParse("q", sql), mDescribe('S', "q"), mBind("", "q"), mDescribe('P', ""), mExecute("", 0))
	}
	for _, x := range []struct {
		send []byte
		want string
	}{
		{mQuery("show pool_nodes"), "T D:bench C:SELECT_1 Z:I"},
		{mQuery("show pool_nothing"), "E:42601 Z:I"},
		{mQuery("pgpool show broken"), "E:58000 Z:I"},
		{join(one("select 1"), ask("show pool_nodes"), one("select 3"), mSync()), "1 2 D:1 C:SELECT_1 1 t T 2 T D:bench C:SELECT_1 1 2 D:3 C:SELECT_1 Z:I"},
		{join(one("select 1"), ask("show pool_nothing"), one("select 3"), mSync()), "1 2 D:1 C:SELECT_1 E:42601 Z:I"},
		{join(ask("show pool_broken"), one("select 3"), mSync()), "1 t T 2 T E:58000 Z:I"},
		{join(one("select 1"), ask("show pool_broken"), one("select 3"), mSync()), "1 2 D:1 C:SELECT_1 1 t T 2 T E:58000 Z:I"},
	} {
		c.send(x.send)
		if got := c.until('Z'); got != x.want {
			t.Errorf("got  %s\nwant %s", got, x.want)
		}
	}
	c.do("begin; create temp table x (a int)", "C:BEGIN C:CREATE_TABLE Z:T")
	c.do("show pool_nodes", "T D:bench C:SELECT_1 Z:T")
	c.do("commit", "C:COMMIT Z:I")
}

// Ensure that drivers can ask, in every way of theirs.
func TestConsoleQuestionsOfDrivers(t *testing.T) {
	r := newRig(t, 0, trust)
	c := r.connect()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheStatement} {
		var got string
		if err := c.QueryRow(t.Context(), "show pool_nodes", mode).Scan(&got); err != nil || got != "bench" {
			t.Errorf("mode %v: %q, %v", mode, got, err)
		}
	}
}
