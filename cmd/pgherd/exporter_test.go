package main

import (
	"strings"
	"testing"
)

// TestOlderColumns: exporters written for older PgBouncers find what they look
// for in the database pgbouncer, and drivers that only know the new ones too.
func TestOlderColumns(t *testing.T) {
	r := startRig(t, 0, "databases: {postgres: {}}\n")
	r.awaitPrimary(-1)
	r.mustPSQL("postgres", "SELECT 1")
	for _, c := range []struct{ database, command, last string }{
		{"pgbouncer", "SHOW STATS", "total_requests"}, {"pgpool", "SHOW STATS", "avg_bind_count"},
		{"pgbouncer", "SHOW DATABASES", "reserve_pool"}, {"pgpool", "SHOW DATABASES", "disabled"},
	} {
		head, _, _ := strings.Cut(r.meta(c.database, c.command), "\n")
		columns := strings.Split(head, "|")
		if got := strings.TrimSpace(columns[len(columns)-1]); got != c.last {
			t.Errorf("%s in %s ends with %s, want %s", c.command, c.database, got, c.last)
		}
	}
}
