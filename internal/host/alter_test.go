package host_test

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// What a role may not do by SQL: settings of a running server, and a promotion.
func TestAlterAndPromote(t *testing.T) {
	c := pgtest.Cluster(t, 1)
	i, conn := c.Instance(1), c.Conn(1)
	await := func(what, query, want string) {
		t.Helper()
		pgtest.Await(t, 10*time.Second, what, func() bool {
			var got string
			return conn.QueryRow(t.Context(), query).Scan(&got) == nil && got == want
		})
	}
	const value = `it's a \ value`
	for _, want := range []bool{true, false} {
		changed, err := i.Alter(t.Context(), map[string]string{"cluster.note": value})
		must(t, err)
		if changed != want {
			t.Errorf("changed: %v, want %v", changed, want)
		}
	}
	await("the setting", "SELECT current_setting('cluster.note', true)", value)
	changed, err := i.Alter(t.Context(), nil, "cluster.note")
	must(t, err)
	if !changed {
		t.Error("nothing was removed")
	}
	await("its end", "SELECT coalesce(current_setting('cluster.note', true), '')", "")
	must(t, i.Promote(t.Context()))
	await("the promotion", "SELECT pg_is_in_recovery()::text", "false")
	if err := i.Promote(t.Context()); err == nil {
		t.Error("a primary was promoted")
	}
}
