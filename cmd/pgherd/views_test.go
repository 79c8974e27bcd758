package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// meta runs psql's own commands on the console.
func (r *rig) meta(database string, commands ...string) string {
	r.Helper()
	args := []string{"-X", "-v", "ON_ERROR_STOP=1", r.dsn(database, "")}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := exec.Command("psql", args...).CombinedOutput()
	if err != nil {
		r.Fatalf("psql %q: %v\n%s", commands, err, out)
	}
	return string(out)
}

// TestViews watches a session through the console, with psql.
func TestViews(t *testing.T) {
	r := startRig(t, 0, "")
	r.awaitPrimary(-1)
	c, err := r.connect(t.Context(), "postgres", "application_name=shop")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), "BEGIN; CREATE TEMP TABLE x (a int)"); err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct{ sql, want string }{
		{`SELECT c.user, c.state, c.application_name, s.database, s.state, s.remote_pid > 0 FROM clients c JOIN servers s ON c.link = s.ptr`,
			"bench|active|shop|postgres|active|t\n"},
		{"SELECT cl_active, sv_active FROM pools WHERE database = 'postgres'", "1|1\n"},
		{"SELECT total_query_count > 1, total_received > 0, total_sent > 0, total_xact_time > 0 FROM stats WHERE database = 'postgres'", "t|t|t|t\n"},
		{"SELECT count(*) FROM clients WHERE connect_time > now() - interval '5 min'", "1\n"},
		{"SELECT status FROM pool_processes", "Idle in transaction\n"},
		{"SELECT value FROM config WHERE key = 'default_pool_size'", "20\n"},
		{"SELECT items FROM lists WHERE list = 'used_clients'", "1\n"},
		{"SELECT current_connections FROM databases WHERE name = 'postgres'", "1\n"},
		{"SELECT setting FROM pool_settings WHERE name = 'monitor.password'", "***\n"},
	} {
		for _, database := range []string{"pgpool", "pgbouncer"} {
			if got := r.mustPSQL(database, q.sql); got != q.want {
				t.Errorf("%s: %q, want %q", q.sql, got, q.want)
			}
		}
	}
	if _, err := c.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	pgtest.Await(t, 10*time.Second, "the server to go back", func() bool {
		return r.mustPSQL("pgpool", "SELECT count(*) FROM servers WHERE state = 'active'") == "0\n"
	})
}

// TestMetaCommands runs what psql asks of the system catalogs.
func TestMetaCommands(t *testing.T) {
	r := startRig(t, 0, "")
	for _, command := range []string{`\d`, `\dt`, `\dt pool_*`} {
		if out := r.meta("pgpool", command); !strings.Contains(out, "| pool_nodes ") {
			t.Errorf("%s:\n%s", command, out)
		}
	}
	out := r.meta("pgbouncer", `\d pool_nodes`)
	for _, line := range []string{`Table "public.pool_nodes"`, " node_id                | integer ", " last_status_change     | timestamp with time zone "} {
		if !strings.Contains(out, line) {
			t.Errorf("\\d pool_nodes has no %q:\n%s", line, out)
		}
	}
	if out := r.meta("pgpool", `\x`, "SHOW POOL_NODES"); !strings.Contains(out, "-[ RECORD 1 ]") {
		t.Errorf("\\x:\n%s", out)
	}
	if out := r.meta("pgpool", `\l`); !strings.Contains(out, " pgpool ") {
		t.Errorf("\\l:\n%s", out)
	}
	r.meta("pgpool", `\dn`, `\dv`, `\d+ pools`, `\di`, `\df`, `\du`)
}
