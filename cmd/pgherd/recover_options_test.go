package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/recovery"
)

// A node in service is rebuilt from the other standby, by psql and slowly enough to
// be watched and to be killed from another session.
func TestRecoverWithOptions(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	if out, err := r.psql("pgpool", "RECOVER NODE 1"); err == nil || !strings.Contains(out, "RECOVER NODE 1 FORCE does it nevertheless") {
		t.Errorf("RECOVER of a healthy node: %v\n%s", err, out)
	}
	if out, err := r.psql("pgpool", "RECOVER NODE 1 FORCE WITH (source = 1)"); err == nil || !strings.Contains(out, "cannot be its own source") {
		t.Errorf("RECOVER from itself: %v\n%s", err, out)
	}
	r.killed("RECOVER NODE 1 REBUILD FORCE WITH (max_rate = '32kB')")
	out := r.mustPSQL("pgpool", "RECOVER NODE 1 REBUILD FORCE WITH (source = 2, max_rate = '30MB', keep_old)")
	for _, part := range []string{"node 1 will be rebuilt from node 2", "streaming database files", "MB/s", "node1.old-1", "node 1 is attached"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is not in\n%s", part, out)
		}
	}
	r.awaitStreaming()
	jobs := r.mustPSQL("pgpool", "SELECT source, step, error IS NULL FROM pool_recovery WHERE ended IS NOT NULL ORDER BY since")
	if !strings.Contains(jobs, "0|base_backup|") || !strings.HasSuffix(strings.TrimSpace(jobs), "\n2|done|t") {
		t.Errorf("pool_recovery has\n%s", jobs)
	}
}

// killed begins a recovery in psql, and ends it by KILL RECOVERY while it copies.
func (r *rig) killed(command string) {
	r.Helper()
	ended := make(chan string, 1)
	cmd := exec.Command("psql", "-X", "-At", "-v", "VERBOSITY=verbose", r.dsn("pgpool", ""), "-c", command)
	go func() {
		out, _ := cmd.CombinedOutput()
		ended <- string(out)
	}()
	pgtest.Await(r, 20*time.Second, "a copy under way", func() bool {
		jobs := r.app.recovery.Jobs()
		return len(jobs) > 0 && jobs[len(jobs)-1].Step == recovery.StepBackup && jobs[len(jobs)-1].Total > 0
	})
	if out, err := r.psql("pgpool", "RECOVER NODE 1 FORCE"); err == nil || !strings.Contains(out, "55006") || !strings.Contains(out, "KILL RECOVERY 1 ends it") {
		r.Errorf("a second recovery: %v\n%s", err, out)
	}
	r.mustPSQL("pgpool", "KILL RECOVERY 1")
	if out := <-ended; !strings.Contains(out, "57014") || !strings.Contains(out, "its data directory is as it was") {
		r.Errorf("the killed recovery said\n%s", out)
	}
	if s := r.app.board.Current().Nodes[1].Status; s != cluster.Down {
		r.Errorf("node 1 is %s", s)
	}
}
