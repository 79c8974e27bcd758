package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// The monitor's account is where a configuration goes wrong first: check --connect
// and the log say so.
func TestMonitorAccount(t *testing.T) {
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, 1), log: &logTail{}}
	path := r.writeConfig("")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	as := func(account string) {
		r.write(path, strings.Replace(string(text), "user: bench, password: bench", account, 1))
	}
	check := func(want string, fails bool) {
		t.Helper()
		var out strings.Builder
		err := checkCommand(t.Context(), []string{"--config", path, "--connect"}, &out)
		if !strings.Contains(out.String(), want) || (err != nil) != fails {
			t.Errorf("got %s, %v, want %q", out.String(), err, want)
		}
	}
	check(", standby, at ", false)
	r.cluster.Exec(0, "CREATE ROLE watcher LOGIN PASSWORD 'watcher'")
	r.cluster.AwaitCaughtUp(0, 1)
	as("user: watcher, password: watcher")
	check(`reads on standbys, failover: role "watcher" lacks pg_monitor`, true)
	as("user: bench, password: wrong")
	check("password authentication failed", true)
	r.serve(path)
	pgtest.Await(t, 10*time.Second, "the log to say so", func() bool {
		return strings.Contains(r.log.String(), `no primary: node 0 turns pgherd's health check away: password authentication failed for user`)
	})
	if out, _ := r.psql("pgpool", "CHECK"); !strings.Contains(out, "See to monitor in the configuration") {
		t.Error(out)
	}
}
