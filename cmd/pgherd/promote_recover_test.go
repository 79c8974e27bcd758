package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/recovery"
)

// A switchover while a node is copied, from the primary that is to go or from the standby
// that is to come, goes ahead. It ends the copy, which leaves the node as it was, so that
// it can be recovered from the new primary.
func TestPromoteWhileRecovering(t *testing.T) {
	r := startRig(t, 2, "")
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE t AS SELECT generate_series(1, 1000) n")
	r.promotesDuring(1, "RECOVER NODE 2 REBUILD FORCE WITH (max_rate = '1MB')")
	r.promotesDuring(0, "RECOVER NODE 2 REBUILD FORCE WITH (max_rate = '1MB', source = 0)")
}

func (r *rig) promotesDuring(to cluster.NodeID, command string) {
	r.Helper()
	ended := make(chan string, 1)
	go func() {
		out, _ := r.psql("pgpool", command)
		ended <- out
	}()
	pgtest.Await(r, 20*time.Second, "a copy under way", func() bool {
		jobs := r.app.recovery.Jobs()
		last := len(jobs) - 1
		return last >= 0 && jobs[last].Ended.IsZero() && jobs[last].Step == recovery.StepBackup && jobs[last].Total > 0
	})
	began := time.Now()
	r.mustPSQL("pgpool", "PROMOTE NODE "+string('0'+rune(to)))
	r.Logf("PROMOTE took %v", time.Since(began).Round(time.Millisecond))
	if out := <-ended; !strings.Contains(out, "the primary changed meanwhile") || !strings.Contains(out, "its data directory is as it was") {
		r.Errorf("the recovery said\n%s", out)
	}
	r.mustPSQL("bench", "INSERT INTO t SELECT generate_series(1, 1000)")
	r.recovers(2)
	r.awaitStreaming()
	for _, n := range []cluster.NodeID{1 - to, 2} {
		r.cluster.AssertHealthy(to, n)
	}
}

// recovers brings a node back, unless it has come back by itself.
func (r *rig) recovers(node cluster.NodeID) {
	r.Helper()
	out, err := r.psql("pgpool", "RECOVER NODE "+string('0'+rune(node)))
	if err != nil && !strings.Contains(out, "needs no recovery") {
		r.Errorf("RECOVER: %v\n%s", err, out)
	}
}
