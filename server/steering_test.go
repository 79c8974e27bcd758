package server

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/routing"
)

// readsOn reads until it is answered by the wanted node: a session may have to wait
// for a token before it changes standby.
func (r *rig) readsOn(c *pgx.Conn, sql string, want int) {
	r.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		before := r.server.Selects(cluster.NodeID(want))
		if r.exec(c, sql+" 1"); r.server.Selects(cluster.NodeID(want)) > before {
			return
		}
	}
	r.Errorf("%s: never answered by node %d", sql, want)
}

func (r *rig) exec(c *pgx.Conn, sql string) {
	r.Helper()
	if _, err := c.Exec(context.Background(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		r.Fatalf("%s: %v", sql, err)
	}
}

// Ensure that a session steers its reads by pgherd.route, by hints, and ends to do so
// as settings end; that a write stays with the primary; and that it is counted why.
func TestSteering(t *testing.T) {
	r := newRig(t, 2, func(s *Config, _ *pool.Config, _ *int) {
		s.Auth = config.AuthTrust
		s.Redirects = routing.RedirectsOf(config.Routing{AppNamePreferences: "^batch$:2"}, 3)
	})
	c := r.connect()
	for _, step := range []struct {
		sql  string
		node int
	}{
		{"set pgherd.route = 'primary'", 0},
		{"set pgherd.route to 'node=2'", 2},
		{"begin; set pgherd.route = 'node=1'; rollback", 2},
		{"begin; set pgherd.route = 'node=1'; commit", 1},
		{"begin; set local pgherd.route = 'primary'; commit", 1},
		{"select set_config('pgherd.route', 'node=2', false)", 2},
		{"reset all", 2},
		{"set pgherd.route = 'primary'", 0},
		{"discard all; set application_name = batch", 2},
	} {
		for _, sql := range strings.Split(step.sql, "; ") {
			r.exec(c, sql)
		}
		if r.readsOn(c, "select", step.node); t.Failed() {
			t.Fatalf("after %s: %s", step.sql, plan(t, c, "select 1", pgx.QueryExecModeSimpleProtocol))
		}
	}
	r.readsOn(c, "/*pgherd: node=1*/ select", 1)
	r.readsOn(c, "/*NO LOAD BALANCE*/ select", 0)
	r.exec(c, "set pgherd.route = 'standby'")
	r.exec(c, "create table steered ()")
	seen := map[routing.Reason]uint64{}
	for _, n := range r.server.Routes() {
		seen[n.Reason] += n.Count
	}
	for _, reason := range []routing.Reason{routing.Writes, routing.Asked, routing.Hinted, routing.Preferred, routing.Kept} {
		if seen[reason] == 0 {
			t.Errorf("nothing was counted as %q", reason)
		}
	}
}

// Ensure that wrong values are refused where they are set, in every protocol, and
// that the transaction fails with them.
func TestSteeringMistakes(t *testing.T) {
	r := newRig(t, 0, trust)
	ctx := context.Background()
	c := r.connect()
	for sql, code := range map[string]string{
		"set pgherd.route = 'standbye'":             "22023",
		"set pgherd.route = 'node=1'":               "22023",
		"set local pgherd.consistency = 'strict'":   "22023",
		"select 1; set pgherd.consistency to 'all'": "22023",
		"SET Pgherd.Rout = 'primary'":               "42704",
	} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec, pgx.QueryExecModeCacheStatement} {
			if strings.Contains(sql, ";") && mode != pgx.QueryExecModeSimpleProtocol {
				continue
			}
			_, err := c.Exec(ctx, sql, mode)
			var e *pgconn.PgError
			if !errors.As(err, &e) || e.Code != code || e.Hint == "" {
				t.Errorf("%s: %v, want %s with a hint", sql, err, code)
			}
		}
	}
	r.exec(c, "begin")
	if _, err := c.Exec(ctx, "set pgherd.route = 'x'"); err == nil {
		t.Error("accepted in a transaction")
	}
	if status := c.PgConn().TxStatus(); status != 'E' {
		t.Errorf("transaction status %c", status)
	}
	r.exec(c, "rollback")
	r.exec(c, "set pgherd.consistency = 'eventual'")
	contains(t, plan(t, c, "select 1", pgx.QueryExecModeExec), "consistency eventual")
	if _, err := pgx.Connect(ctx, r.dsn("options='-c pgherd.route=x'")); err == nil || !strings.Contains(err.Error(), "22023") {
		t.Errorf("start-up option: %v", err)
	}
}
