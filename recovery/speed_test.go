package recovery

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// BenchmarkRebuild copies a primary by pg_basebackup as one would by hand, and by
// RECOVER NODE 1 REBUILD, in turn.
func BenchmarkRebuild(b *testing.B) {
	b.Run("500MB", func(b *testing.B) { benchmarkRebuild(b, 470_000) })
	b.Run("1500MB", func(b *testing.B) { benchmarkRebuild(b, 1_410_000) })
}

// benchmarkRebuild has rows of a kilobyte.
func benchmarkRebuild(b *testing.B, rows int) {
	db := pgtest.Cluster(b, 1)
	db.Exec(0, fmt.Sprintf("CREATE TABLE ballast AS SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, %d) g", rows))
	db.AwaitCaughtUp(0, 1)
	db.Exec(0, "CHECKPOINT")
	board := cluster.NewBoard(db.Nodes(), time.Now())
	next := board.Current().Clone()
	next.Primary, next.Nodes[1].Status = 0, cluster.Down
	board.Publish(next)
	open := func(id cluster.NodeID) (Instance, error) { return db.Instance(id), nil }
	e := New(Config{Monitor: db.Credentials()}, board, open, &members{board: board}, hclog.NewNullLogger())
	defer e.Close()
	var hand, verify, step, whole time.Duration
	for b.Loop() {
		c, v := byHand(b, db)
		s, w := byEngine(b, e)
		hand, verify, step, whole = hand+c, verify+v, step+s, whole+w
	}
	for unit, d := range map[string]time.Duration{"pg_basebackup-s": hand, "pg_verifybackup-s": verify, "base_backup-s": step, "RECOVER-s": whole} {
		b.ReportMetric(d.Seconds()/float64(b.N), unit)
	}
}

func byHand(b *testing.B, db *pgtest.TestCluster) (copying, verifying time.Duration) {
	b.Helper()
	dir := filepath.Join(db.Dir(), "by-hand")
	conninfo := db.Node(0).Conninfo(db.Credentials()).String()
	copying = timed(b, filepath.Join(db.BinDir(), "pg_basebackup"), "-d", conninfo, "-D", dir, "-X", "stream", "-c", "fast", "-P")
	verifying = timed(b, filepath.Join(db.BinDir(), "pg_verifybackup"), "-e", "-q", dir)
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
	return copying, verifying
}

func timed(b *testing.B, program string, args ...string) time.Duration {
	b.Helper()
	began := time.Now()
	if out, err := exec.CommandContext(b.Context(), program, args...).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return time.Since(began)
}

// byEngine is how long the copy with its verification took, and the whole recovery.
func byEngine(b *testing.B, e *Engine) (step, whole time.Duration) {
	b.Helper()
	var began, ended time.Duration
	start := time.Now()
	err := e.RecoverBy(b.Context(), 1, Rebuild, func(p Progress) {
		switch {
		case p.Step == StepBackup && began == 0:
			began = p.Elapsed
		case p.Step == StepSwap && ended == 0:
			ended = p.Elapsed
		}
	})
	if err != nil {
		b.Fatal(fmt.Errorf("recover: %w", err))
	}
	return ended - began, time.Since(start)
}
