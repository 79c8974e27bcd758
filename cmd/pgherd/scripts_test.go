package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// Scripts as Pgpool-II's documentation has them, for machines that are one. BIN is
// where the programs are.
const (
	firstStage = `rm -rf "$3"
export PGPASSWORD=bench
BIN/pg_basebackup -h "$7" -p "$4" -U bench -D "$3" -X stream -c fast
cat >>"$3/postgresql.auto.conf" <<END
port = $6
primary_conninfo = 'host=$7 port=$4 user=bench password=bench application_name=node$5'
END
touch "$3/standby.signal"`

	// It fails when somebody writes while it runs.
	secondStage = `export PGPASSWORD=bench
ask() { BIN/psql -X -At -h "$host" -p "$port" -U bench -d bench -c "$1"; }
port=$4 host=$7
ask 'SELECT pg_switch_wal()'
before=$(ask 'SELECT sum(n) FROM busy')
sleep 0.3
[ "$before" = "$(ask 'SELECT sum(n) FROM busy')" ]`

	remoteStart = `BIN/pg_ctl -w -D "$2" -l "$2/log" start </dev/null >/dev/null 2>&1`
)

// script puts one into the primary's data directory.
func (r *rig) script(name, text string) {
	r.Helper()
	text = "#!/bin/sh\nset -e\n" + strings.ReplaceAll(text, "BIN/", r.cluster.BinDir()+"/") + "\n"
	path := filepath.Join(r.cluster.Node(0).DataDirectory, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) scripts() {
	r.Helper()
	r.script("recovery_1st_stage", firstStage)
	r.script("recovery_2nd_stage", secondStage)
	r.script("pgpool_remote_start", remoteStart)
}

const twoStage = `recovery: {recovery_database: bench, recovery_1st_stage_command: recovery_1st_stage,
  recovery_2nd_stage_command: recovery_2nd_stage, client_idle_limit_in_recovery: 1, timeout: 20s}
`

// loseStandby stops node 1 and waits until that is known.
func (r *rig) loseStandby() {
	r.Helper()
	r.cluster.Stop(1)
	pgtest.Await(r, 10*time.Second, "node 1 to be down", func() bool {
		n := r.app.board.Current().Nodes[1]
		return n.Status == cluster.Down && !n.PGUp
	})
}

// TestTwoStageRecovery: Pgpool-II's procedure under load, by the functions of either
// extension.
func TestTwoStageRecovery(t *testing.T) {
	for name, install := range map[string]string{"pgherd_recovery": sql.RecoveryFunctions, "pgpool_recovery": "CREATE EXTENSION pgpool_recovery"} {
		t.Run(name, func(t *testing.T) {
			r := startRig(t, 1, twoStage)
			r.awaitStreaming()
			r.loseStandby()
			if out := r.mustPSQL("pgpool", "EXPLAIN RECOVER NODE 1 WITH (two_stage)"); !strings.Contains(out, "refused|1|database bench of node 0 has no function") ||
				!strings.Contains(out, "refused|2|scripts are missing") {
				t.Errorf("EXPLAIN with nothing prepared:\n%s", out)
			}
			r.cluster.Exec(0, install)
			r.scripts()
			l := r.startLoad()
			defer l.end()
			r.wantScriptErrors(l)
			r.wantTwoStages(l)
			l.end()
			if len(l.errs) > 0 || l.disconnects.Load() > 0 {
				t.Errorf("the clients had the errors %v", l.errs)
			}
		})
	}
}

// wantScriptErrors has each script fail in its turn: the clients go on.
func (r *rig) wantScriptErrors(l *load) {
	r.Helper()
	for _, script := range []string{"recovery_1st_stage", "recovery_2nd_stage", "pgpool_remote_start"} {
		r.script(script, "exit 3")
		out, err := r.psql("pgpool", "RECOVER NODE 1 WITH (two_stage)")
		if err == nil || !strings.Contains(out, "ERROR:  55000") || !strings.Contains(out, "script "+script+" failed on node 0") {
			r.Errorf("%s fails: %v\n%s", script, err, out)
		}
		l.goesOn(r)
		if s := r.app.board.Current().Nodes[1].Status; s != cluster.Down {
			r.Errorf("after %s has failed, node 1 is %s", script, s)
		}
		r.scripts()
	}
}

// goesOn asserts that nobody holds the clients up.
func (l *load) goesOn(r *rig) {
	r.Helper()
	before := l.writes.Load()
	pgtest.Await(r, 20*time.Second, "clients to go on", func() bool { return l.writes.Load() > before+20 })
}

// wantTwoStages recovers the node, and asserts that who keeps a connection idle is cut
// off.
func (r *rig) wantTwoStages(l *load) {
	r.Helper()
	plan := r.mustPSQL("pgpool", "EXPLAIN RECOVER NODE 1 WITH (two_stage)")
	if !strings.Contains(plan, "step|3|hold_clients|") || strings.Contains(plan, "refused") {
		r.Errorf("EXPLAIN:\n%s", plan)
	}
	idle := r.client()
	if _, err := idle.Exec(r.Context(), "BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE"); err != nil {
		r.Fatal(err)
	}
	out := r.mustPSQL("pgpool", "RECOVER NODE 1 WITH (two_stage)")
	for _, notice := range []string{"first_stage: recovery_1st_stage runs", "hold_clients: new transactions wait", "second_stage: recovery_2nd_stage runs",
		"remote_start: pgpool_remote_start runs", "attach", "done: node 1 is attached"} {
		if !strings.Contains(out, notice) {
			r.Errorf("no notice %q in\n%s", notice, out)
		}
	}
	l.goesOn(r)
	r.awaitStreaming()
	var ended *pgconn.PgError
	if _, err := idle.Exec(context.Background(), "SELECT 1"); !errors.As(err, &ended) || ended.Code != "57P01" {
		r.Errorf("the session that was idle in a transaction: %v, want 57P01", err)
	}
}
