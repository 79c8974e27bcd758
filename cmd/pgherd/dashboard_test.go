package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// installViews runs what `pgherd views` prints in database bench of node 0.
func (r *rig) installViews(grantee string) {
	r.Helper()
	var script strings.Builder
	if err := viewsCommand(r.Context(), nil, &script); err != nil {
		r.Fatal(err)
	}
	cmd := exec.Command("psql", "-X", "-q", "-v", "host="+r.host, "-v", "port="+r.port, "-v", "user=bench", "-v", "grantee="+grantee,
		"-f", "-", r.nodeDSN("bench"))
	cmd.Stdin = strings.NewReader(script.String())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		r.Fatalf("the script: %v\n%s", err, out)
	}
	r.cluster.Exec(0, "ALTER USER MAPPING FOR CURRENT_USER SERVER pgherd OPTIONS (ADD password 'bench')")
}

// nodeDSN leads to node 0, not through pgherd.
func (r *rig) nodeDSN(user string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=bench", r.cluster.Node(0).Port, user, user)
}

func (r *rig) connectNode(user string) *pgx.Conn {
	r.Helper()
	c, err := pgx.Connect(r.Context(), r.nodeDSN(user))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// TestDashboardViews: a role that knows nothing of the console joins its views with
// PostgreSQL's own.
func TestDashboardViews(t *testing.T) {
	r := startRig(t, 0, "")
	r.cluster.Exec(0, `CREATE ROLE dashboard LOGIN PASSWORD 'dashboard'; GRANT pg_monitor TO dashboard;
		CREATE ROLE stranger LOGIN PASSWORD 'stranger'`)
	r.installViews("dashboard")
	client := r.client()
	if _, err := client.Exec(t.Context(), "BEGIN; CREATE TABLE held ()"); err != nil {
		t.Fatal(err)
	}
	d := r.connectNode("dashboard")
	r.readAll(d)
	r.wantJoined(d)
	r.wantLocked(d)
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// readAll reads every view, whatever the reader's own settings are.
func (r *rig) readAll(d *pgx.Conn) {
	r.Helper()
	if _, err := d.Exec(r.Context(), "SET datestyle = 'German'; SET timezone = 'Asia/Kathmandu'; SET intervalstyle = 'sql_standard'; SET search_path = ''"); err != nil {
		r.Fatal(err)
	}
	rows, err := d.Query(r.Context(), "SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = 'pgherd'::regnamespace ORDER BY 1")
	if err != nil {
		r.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) < 25 {
		r.Fatalf("%v, views %q", err, names)
	}
	for _, name := range names {
		if _, err := d.Exec(r.Context(), "SELECT * FROM pgherd."+name); err != nil {
			r.Errorf("%s: %v", name, err)
		}
	}
	var since time.Duration
	err = d.QueryRow(r.Context(), "SELECT now() - last_status_change FROM pgherd.pool_nodes WHERE status = 'up'").Scan(&since)
	if err != nil || since < 0 || since > time.Minute {
		r.Errorf("the node is up since %v: %v", since, err)
	}
}

func (r *rig) wantJoined(d *pgx.Conn) {
	r.Helper()
	var host, state string
	err := d.QueryRow(r.Context(), `SELECT n.hostname, a.state FROM pgherd.servers s
		JOIN pgherd.clients c ON c.link = s.ptr JOIN pg_stat_activity a ON a.pid = s.remote_pid
		JOIN pgherd.pool_nodes n ON n.hostname = s.addr AND n.port = s.port WHERE s.state = 'active'`).Scan(&host, &state)
	if err != nil || host != "127.0.0.1" || state != "idle in transaction" {
		r.Errorf("the session with an open transaction: %q, %q, %v", host, state, err)
	}
}

// wantLocked asserts that readers have the views only, and others nothing.
func (r *rig) wantLocked(d *pgx.Conn) {
	r.Helper()
	s := r.connectNode("stranger")
	for _, c := range []struct {
		conn *pgx.Conn
		text string
		want string
	}{
		{s, "SELECT * FROM pgherd.pool_nodes", "42501"}, {s, "SELECT * FROM pgherd.read_pool_nodes()", "42501"},
		{d, "SELECT * FROM public.dblink('pgherd', 'SHOW CLIENTS') AS t (a text)", "42704"}, // no user mapping
		{d, "CREATE USER MAPPING FOR dashboard SERVER pgherd", "42501"}, {d, "CREATE TABLE pgherd.t ()", "42501"},
	} {
		var refused *pgconn.PgError
		if _, err := c.conn.Exec(r.Context(), c.text); !errors.As(err, &refused) || refused.Code != c.want {
			r.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
	var options *string
	err := d.QueryRow(r.Context(), "SELECT umoptions::text FROM pg_user_mappings WHERE srvname = 'pgherd'").Scan(&options)
	if err != nil || options != nil {
		r.Errorf("a reader sees the password: %v, %v", options, err)
	}
}
