package server

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/routing"
)

// catalogRig is a rig with a standby whose server reads catalogs.
func catalogRig(t *testing.T) *rig {
	r := newRig(t, 1, nil)
	r.reconfigure(func(c *Config) {
		c.Catalogs = CatalogQuery{As: r.cluster.Credentials(), Board: r.board, Unlogged: true}
	})
	return r
}

func (r *rig) reconfigure(change func(*Config)) {
	c := *r.server.config()
	change(&c)
	r.server.Configure(c)
}

// where runs a query whose one column tells the node, and checks it against the count of reads.
func (r *rig) where(c *pgx.Conn, sql string) (onStandby bool) {
	r.Helper()
	before := r.server.Selects(1)
	if err := c.QueryRow(r.Context(), sql).Scan(&onStandby); err != nil {
		r.Fatalf("%s: %v", sql, err)
	}
	if routed := r.server.Selects(1) > before; routed != onStandby {
		r.Errorf("%s: sent to the standby: %v, answered there: %v", sql, routed, onStandby)
	}
	return onStandby
}

func (r *rig) run(c *pgx.Conn, statements ...string) {
	r.Helper()
	for _, sql := range statements {
		if _, err := c.Exec(r.Context(), sql); err != nil {
			r.Fatalf("%s: %v", sql, err)
		}
	}
}

// wantNode checks queries that stay on the primary, or come to the standby when it
// and the catalog are up to date.
func (r *rig) wantNode(c *pgx.Conn, standby bool, queries ...string) {
	r.Helper()
	for _, sql := range queries {
		if standby {
			pgtest.Await(r, 20*time.Second, sql+" on the standby", func() bool { return r.where(c, sql) })
		} else if r.where(c, sql) {
			r.Errorf("%s: ran on the standby", sql)
		}
	}
}

var schema = []string{
	"create function here() returns bool language sql stable as 'select pg_is_in_recovery()'",
	"create function here_volatile() returns bool language sql as 'select pg_is_in_recovery()'",
	"create view plain as select here() as here",
	"create view calls as select here_volatile() as here",
	"create view over as select here from calls",
	"create view activity as select pg_is_in_recovery() as here from pg_stat_activity",
	"create table t (id serial)",
	"insert into t default values",
	"create view queue as select * from t for update",
	"create view next as select nextval('t_id_seq')",
	"create unlogged table scratch (a int)",
	"insert into scratch values (1)",
}

// Ensure that what isn't built in is judged by the database's catalog, and judged
// anew once a client has changed it, in either protocol.
func TestCatalogDecides(t *testing.T) {
	r := catalogRig(t)
	for _, mode := range []string{"simple_protocol", "cache_statement"} {
		c := r.connect("default_query_exec_mode=" + mode)
		r.run(c, schema...)
		r.wantNode(c, true, "select here()", "select public.here() from t", "select here from plain")
		r.wantNode(c, false, "select here_volatile()", "select here from calls", "select here from over",
			"select here from activity limit 1", "select here() from scratch", "select pg_is_in_recovery() from scratch",
			"select pg_is_in_recovery() from t_id_seq", "select pg_is_in_recovery() from queue", "select pg_is_in_recovery() from next")
		r.run(c, "alter function here() volatile")
		r.wantNode(c, false, "select here()", "select public.here() from t", "select here from plain")
		r.run(c, "begin", "alter function here() stable", "commit")
		r.wantNode(c, true, "select here()", "select here from plain")
		r.run(c, "alter table scratch set logged")
		r.wantNode(c, true, "select pg_is_in_recovery() from scratch")
		r.run(c, "drop view plain, calls, over, activity, queue, next", "drop function here, here_volatile", "drop table t, scratch")
	}
}

// Ensure that the lists go before the catalog, and follow a reload also for
// statements that are prepared already.
func TestListsDecide(t *testing.T) {
	r := catalogRig(t)
	c := r.connect()
	r.run(c, schema...)
	r.wantNode(c, true, "select here()")
	r.wantNode(c, false, "select here_volatile()")
	r.reconfigure(func(c *Config) {
		c.Judge = routing.NewJudge(routing.Lists{ReadOnly: patternsOf(t, "here_.*"), Write: patternsOf(t, "here"),
			Primary: patternsOf(t, "select .* from t where .*'secret'")})
	})
	r.wantNode(c, true, "select here_volatile()")
	r.wantNode(c, false, "select here()")
	for _, mode := range []string{"simple_protocol", "cache_statement"} {
		c := r.connect("default_query_exec_mode=" + mode)
		r.wantNode(c, true, "select pg_is_in_recovery() from t where 'open' <> 'plain'")
		r.wantNode(c, false, "select pg_is_in_recovery() from t where 'open' <> 'secret'")
	}
}

func patternsOf(t *testing.T, text string) []*regexp.Regexp {
	t.Helper()
	all, err := config.Patterns([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// scriptedReader gives a picture without functions, or an error.
type scriptedReader struct {
	calls atomic.Int32
	fails atomic.Bool
}

func (s *scriptedReader) ReadCatalog(context.Context, string) (*routing.Catalog, error) {
	s.calls.Add(1)
	if s.fails.Load() {
		return nil, errors.New("no")
	}
	return routing.NewCatalog(nil, []routing.Name{{Schema: "public", Name: "scratch"}}, nil), nil
}

// Ensure that a catalog is read once for many statements, again when it is in use
// after relcache_expire, and that reads go on where it can't be read.
func TestCatalogExpires(t *testing.T) {
	r := newRig(t, 1, nil)
	reader := &scriptedReader{}
	r.reconfigure(func(c *Config) { c.Catalogs = reader })
	c := r.connect()
	query := "select pg_is_in_recovery() from pg_class limit 1"
	r.wantNode(c, true, query)
	for range 20 {
		r.where(c, query)
	}
	if n := reader.calls.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
	r.reconfigure(func(c *Config) { c.RelcacheExpire = 10 * time.Millisecond })
	r.run(c, "create sequence s")
	pgtest.Await(t, 20*time.Second, "a third reading", func() bool { r.where(c, query); return reader.calls.Load() >= 3 })
	r.reconfigure(func(c *Config) { c.RelcacheExpire = time.Minute }) // a statement may take longer than the former
	reader.fails.Store(true)
	r.run(c, "create sequence s2")
	r.wantNode(c, true, query)
}

// Ensure that errors name node, database and account.
func TestCatalogErrors(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	board := cluster.NewBoard(c.Nodes(), time.Now())
	q := CatalogQuery{As: cluster.Credentials{User: "nobody", Password: "wrong"}, Board: board}
	if _, err := q.ReadCatalog(t.Context(), "bench"); err == nil || !strings.Contains(err.Error(), "no primary") {
		t.Errorf("without a primary: %v", err)
	}
	snap := board.Current().Clone()
	snap.Primary = 0
	board.Publish(snap)
	_, err := q.ReadCatalog(t.Context(), "bench")
	if err == nil || !strings.Contains(err.Error(), `database "bench" as "nobody"`) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v", err)
	}
}
