package recovery

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// streams publishes that a node is in service.
func (r *rig) streams(id cluster.NodeID) {
	next := r.board.Current().Clone()
	n := &next.Nodes[id]
	n.Status, n.PGUp, n.ReplicationState = cluster.Up, true, "streaming"
	r.board.Publish(next)
}

// A copy of a standby, and then a rewind by one: the primary is streamed from only.
func TestSourceIsAStandby(t *testing.T) {
	r := newRigOf(t, 2, func(*Config) {}, pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "256MB"))
	r.streams(2)
	r.db.Exec(0, "CREATE TABLE before AS SELECT 1")
	how := Options{Procedure: Rebuild, Source: 2, MaxRate: "40M", KeepOld: true}
	r.recoversBy(1, 0, how, "rebuilt from node 2", "streaming database files", "MB/s")
	r.wantBeside("node0", "node1", "node1.old-1", "node2")
	r.want(1, "SELECT count(*)::text FROM before", "1")

	r.db.AwaitCaughtUp(0, 1)
	r.db.Stop(2) // so that it gets nothing of what is to be lost
	r.db.Exec(1, "SELECT pg_promote()")
	r.db.Exec(0, "CREATE TABLE lost AS SELECT 1")
	r.db.Kill(0)
	if err := r.db.Instance(2).Follow(r.db.Node(1).PrimaryConninfo(r.db.Node(2), r.db.Credentials()), ""); err != nil {
		t.Fatal(err)
	}
	r.db.Start(2)
	r.db.AwaitCaughtUp(1, 2)
	r.primary(1)
	r.streams(2)
	r.recoversBy(0, 1, Options{Procedure: Rewind, Source: 2}, "rewound to node 2")
	r.want(0, "SELECT (to_regclass('lost') IS NULL)::text", "true")
}

// recoversBy recovers a node and asserts what was announced.
func (r *rig) recoversBy(node, primary cluster.NodeID, how Options, announced ...string) {
	r.t.Helper()
	var said []string
	if err := r.engine.RecoverWith(r.t.Context(), node, how, func(p Progress) { said = append(said, p.Message) }); err != nil {
		r.t.Fatalf("%v\n%s", err, strings.Join(said, "\n"))
	}
	for _, part := range announced {
		if !strings.Contains(strings.Join(said, "\n"), part) {
			r.t.Errorf("said %q, want %q among it", said, part)
		}
	}
	if got := r.lastJob().Source; how.Source != cluster.NoNode && got != how.Source {
		r.t.Errorf("the source is node %d, want %d", got, how.Source)
	}
	r.recovered(node, primary)
	r.db.Exec(primary, "DROP TABLE after_recovery")
}

// A node that is well is recovered when one insists.
func TestForce(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.streams(1)
	began := r.text(1, "SELECT pg_postmaster_start_time()::text")
	r.recoversBy(1, 0, Options{Force: true, Source: cluster.NoNode}, "will follow node 0")
	if r.text(1, "SELECT pg_postmaster_start_time()::text") == began {
		t.Error("the server was not started anew")
	}
}

// What Kill leaves is what any cancelled job leaves.
func TestKill(t *testing.T) {
	r := newRig(t, slowly)
	if err := r.engine.Kill(t.Context(), 1); !errors.Is(err, ErrNotRunning) {
		t.Errorf("killing nothing: %v", err)
	}
	killed := make(chan error, 1)
	err := r.interrupt(t.Context(), func() {
		go func() { killed <- r.engine.Kill(t.Context(), 1) }()
	})
	r.wantUntouched(err, ErrKilled)
	if err := <-killed; err != nil || len(r.engine.Jobs()) != 1 {
		t.Errorf("Kill: %v with the jobs %+v", err, r.engine.Jobs())
	}
}

// A pgherd that is killed while pg_rewind writes the control file leaves a directory
// that can still be told from another cluster's, and so goes away in the end.
func TestControlFileSurvivesARewind(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Stop(1)
	node := r.db.Node(1)
	killed := &repair{prepared: prepared{node: node, instance: r.db.Instance(1)}}
	if err := killed.beginRewind(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(controlFile(node.DataDirectory), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := r.db.Instance(1).Control(t.Context()); err == nil {
		t.Fatal("an empty control file can be read")
	}
	r.recoversBy(1, 0, By(Undecided), "a rewind of it was interrupted")
	r.wantBeside("node0", "node1")
}

// A job that is cancelled when its node streams leaves it so, and its slot.
func TestCancelWhenItStreams(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Stop(1)
	r.db.Exec(0, "SELECT pg_drop_replication_slot('pgherd_1')")
	ctx, cancel := context.WithCancel(t.Context())
	err := r.engine.Recover(ctx, 1, func(p Progress) {
		if p.Step == StepCatchUp {
			cancel()
		}
	})
	var failed *StepError
	if !errors.As(err, &failed) || !errors.Is(err, context.Canceled) || !strings.HasSuffix(failed.Left, "its server was started to follow the primary") {
		t.Fatalf("got %v, want a StepError that tells that the server was started", err)
	}
	pgtest.Await(t, 20*time.Second, "its slot to be in use", func() bool {
		return r.text(0, "SELECT active::text FROM pg_replication_slots") == "true"
	})
}
