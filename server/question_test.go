package server

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

func trust(s *Config, _ *pool.Config, _ *int) { s.Auth = config.AuthTrust }

// plan asks EXPLAIN ROUTE and returns its lines.
func plan(t *testing.T, c *pgx.Conn, sql string, mode pgx.QueryExecMode) string {
	t.Helper()
	rows, err := c.Query(context.Background(), "explain route "+sql, mode)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(lines, "\n")
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// Ensure that EXPLAIN ROUTE tells node, reason, facts and candidates in every mode of
// the protocol, inside of transactions as well, and that it changes nothing.
func TestExplainRoute(t *testing.T) {
	r := newRig(t, 2, trust)
	ctx := context.Background()
	c := r.connect()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheStatement} {
		contains(t, plan(t, c, "select * from pg_class, abs(1)", mode), "Reason: balanced", "Statement: select, reads",
			"Tables: pg_class", "Functions: abs", "consistency session", "Token: none", "Node 0", ": primary", ": may serve it")
		contains(t, plan(t, c, "/*pgherd: node=2*/ select 1", mode), "Route: node 2", "Reason: a hint", ": not wanted")
		contains(t, plan(t, c, "begin", mode), "Statement: begin, goes with the statement behind it")
		contains(t, plan(t, c, "insert into t values (1)", mode), "Route: node 0", "Reason: writes", "Tables: t (written)",
			"): primary", "Node 1", "Node 2", ": the statement needs the primary")
		contains(t, plan(t, c, "/*pgherd: node=3*/ select 1", mode), "Reason: balanced", "Hint: node=3, which there is not")
	}
	if _, err := c.Exec(ctx, "begin"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "create table seen as select 1 as a"); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeCacheStatement} {
		contains(t, plan(t, c, "select 2", mode), "Route: node 0", "Reason: in a transaction",
			"): primary", "Node 1", ": the session keeps its server on another node")
	}
	if _, err := c.Exec(ctx, "commit"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := c.QueryRow(ctx, "select count(*) from seen").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	for !strings.Contains(plan(t, c, "select 2", pgx.QueryExecModeSimpleProtocol), " of epoch 1") {
		if err := c.QueryRow(ctx, "select 1").Scan(&n); err != nil { // asks for the token
			t.Fatal(err)
		}
	}
}

// Ensure that questions are answered in their turn in a pipeline, and that what is
// wrong with one is told with its position, and ends the pipeline up to Sync.
func TestExplainRouteInPipelines(t *testing.T) {
	r := newRig(t, 0, trust)
	client := r.raw()
	ask := func(sql string) []byte {
		return join(mParse("q", sql), mDescribe('S', "q"), mBind("", "q"), mDescribe('P', ""), mExecute("", 0))
	}
	for _, c := range []struct {
		send []byte
		want string
	}{
		{join(one("select 1"), ask("explain route select 2"), one("select 3"), mSync()), "12DC 1tT2TD+C 12DC Z"},
		{join(ask("explain route select 2"), mSync()), "1tT2TD+C Z"},
		{join(one("select 1"), ask("explain route selec 2"), one("select 3"), mSync()), "12DC E Z"},
		{join(ask("explain route selec 2"), one("select 3"), mSync()), "E Z"},
		{join(one("select 1/0"), ask("explain route select 2"), mSync()), "1E Z"},
		{mQuery("explain route selec 1"), "EZ"},
		{join(mQuery("begin"), mQuery("explain route"), mQuery("select 1"), mQuery("explain route select 1"), mQuery("rollback")), "CZ EZ TDCZ TD+CZ CZ"},
		{join(mParse("", "explain route select 1"), mParse("", "select 1"), mBind("", ""), mExecute("", 0), mSync()), "112DCZ"},
		{join(mParse("", "select 1"), mBind("p", ""), mParse("", "explain route select 1"), mBind("", ""), mExecute("", 0), mExecute("p", 0), mSync()), "1212D+CDCZ"},
	} {
		client.send(c.send)
		want := strings.ReplaceAll(c.want, " ", "")
		var got strings.Builder
		for got.Len() == 0 || strings.Count(got.String(), "Z") < strings.Count(want, "Z") {
			typ, _, err := client.frame()
			if err != nil {
				t.Fatal(err)
			}
			if text := got.String(); typ == 'D' && strings.HasSuffix(text, "D") {
				got.WriteByte('+')
			} else if typ != 'D' || !strings.HasSuffix(text, "+") {
				got.WriteByte(typ)
			}
		}
		if got.String() != want {
			t.Errorf("got %s, want %s", got.String(), want)
		}
	}
}

func TestExplainRouteMistakes(t *testing.T) {
	r := newRig(t, 0, trust)
	c := r.connect()
	for sql, position := range map[string]int32{"explain route": 14, "explain route /* ä */ selec 1": 23, "explain route select 1 frm x y": 28} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec} {
			_, err := c.Exec(context.Background(), sql, mode)
			var e *pgconn.PgError
			if !errors.As(err, &e) || e.Code != "42601" || e.Position != position {
				t.Errorf("%q: %v, want 42601 at %d", sql, err, position)
			}
		}
	}
}

// Ensure that it answers while there is no primary, when it is needed most.
func TestExplainRouteWithoutPrimary(t *testing.T) {
	r := newRig(t, 1, trust)
	c := r.connect()
	for r.board.Position(1).Load().Epoch == 0 {
		runtime.Gosched()
	}
	r.publish(cluster.NoNode)
	contains(t, plan(t, c, "delete from x", pgx.QueryExecModeSimpleProtocol), "Route: none", "Reason: no primary at the moment")
}
