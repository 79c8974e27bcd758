package sqlparse

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// relations are those that the reads of facts.txt name.
var relations = []string{
	"create table t (a int, b int, c int, d timestamptz, e timestamptz, id int, born date, died date)",
	"create table u (a int, b int, name text)", "create table v (c int)",
	"create schema s", "create table s.t (a int, \"Odd Name\" text)", "create table nextval_log (nextval int)",
	"create table pgbench_accounts (aid int, abalance int)",
	"insert into t (a, id, born) values (1, 1, now())",
	"create function f(int) returns int language sql as 'select $1'",
}

// Ensure that a real standby runs each text that facts.txt calls a read, and that few of
// them fail for another reason.
func TestStandbyRunsReads(t *testing.T) {
	cluster := pgtest.Cluster(t, 1)
	for _, sql := range relations {
		cluster.Exec(0, sql)
	}
	cluster.AwaitCaughtUp(0, 1)
	ran, failed := 0, 0
	for _, s := range samples(t) {
		if !New(16).Parse([]byte(s.sql)).ReadOnly() {
			continue
		}
		ran++
		if err := onceOn(t, cluster.Conn(1), s.sql); err != nil {
			failed++
			t.Logf("facts.txt:%d: %s: %v", s.line, s.sql, err)
			if code := err.Code; code == "25006" || code == "0A000" || code == "55000" {
				t.Errorf("facts.txt:%d: %s: a standby refuses it: %v", s.line, s.sql, err)
			}
		}
	}
	if ran < 60 || failed > ran/4 {
		t.Errorf("%d of %d reads failed", failed, ran)
	}
}

// onceOn runs a text with nothing left behind.
func onceOn(t *testing.T, c *pgx.Conn, sql string) *pgconn.PgError {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.PgConn().Exec(ctx, sql).ReadAll()
	for _, undo := range []string{"rollback", "discard all"} {
		if _, err := c.PgConn().Exec(ctx, undo).ReadAll(); err != nil {
			t.Fatalf("behind %s: %s: %v", sql, undo, err)
		}
	}
	var e *pgconn.PgError
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("%s: %v", sql, err)
	}
	return e
}
