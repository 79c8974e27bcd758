package recovery

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

func TestRebuildBrokenStandby(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Stop(1)
	dir := r.db.Node(1).DataDirectory
	appendTo(t, filepath.Join(dir, "postgresql.conf"), "work_mem = '7MB'\n")
	if err := os.RemoveAll(filepath.Join(dir, "base")); err != nil {
		t.Fatal(err)
	}
	var steps []Step
	err := r.engine.RecoverBy(t.Context(), 1, Rebuild, func(p Progress) {
		if len(steps) == 0 || steps[len(steps)-1] != p.Step {
			steps = append(steps, p.Step)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Concat([]Step{StepPreflight}, stepsOf(Rebuild), []Step{StepDone})
	if !slices.Equal(steps, want) {
		t.Errorf("steps told: %v, want %v", steps, want)
	}
	r.recovered(1, 0)
	r.want(1, "SHOW work_mem", "7MB")
	r.wantBeside("node0", "node1")
	jobs := r.engine.Jobs()
	if len(jobs) != 1 || jobs[0].Err != nil || jobs[0].Step != StepDone || jobs[0].Source != 0 || jobs[0].Ended.IsZero() {
		t.Errorf("jobs %+v, want one that is done", jobs)
	}
}

func appendTo(t *testing.T, path, line string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(line)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestRebuildKilledPrimary(t *testing.T) {
	r := newRig(t, func(c *Config) { c.KeepOld = true })
	r.db.Kill(0)
	r.db.Exec(1, "SELECT pg_promote()")
	r.primary(1)
	if err := r.engine.RecoverBy(t.Context(), 0, Rebuild, nil); err != nil {
		t.Fatal(err)
	}
	r.recovered(0, 1)
	r.wantBeside("node0", "node0.old-1", "node1")
}

// A server that still runs, and takes itself for a primary, is stopped first.
func TestRebuildRunningExPrimary(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Exec(1, "SELECT pg_promote()")
	r.db.Exec(0, "CREATE TABLE diverged ()")
	r.primary(1)
	if err := r.engine.RecoverBy(t.Context(), 0, Rebuild, nil); err != nil {
		t.Fatal(err)
	}
	r.recovered(0, 1)
	r.want(0, "SELECT (to_regclass('diverged') IS NULL)::text", "true")
}

// A node with an empty directory gets the primary's configuration and its own port.
func TestRebuildMissingDirectory(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Stop(1)
	m, dir := r.db.Instance(1).Machine(), r.db.Node(1).DataDirectory
	if err := errors.Join(m.RemoveAll(dir), m.MkdirAll(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := r.engine.RecoverBy(t.Context(), 1, Rebuild, nil); err != nil {
		t.Fatal(err)
	}
	r.recovered(1, 0)
	r.wantBeside("node0", "node1")
}

// slowly makes a copy last longer than any test.
func slowly(c *Config) { c.MaxRate = "32k" }

// interrupt recovers node 1 and calls act when the copy is under way.
func (r *rig) interrupt(ctx context.Context, act func()) error {
	r.t.Helper()
	r.db.Stop(1)
	r.db.Exec(0, "SELECT pg_drop_replication_slot('pgherd_1')")
	write(r.t, filepath.Join(r.db.Node(1).DataDirectory, "sentinel"), "still here")
	acted := sync.OnceFunc(act)
	return r.engine.RecoverBy(ctx, 1, Rebuild, func(p Progress) {
		if p.Step == StepBackup && p.Total > 0 {
			acted()
		}
	})
}

// wantUntouched asserts that nothing is left of an interrupted copy.
func (r *rig) wantUntouched(err error, cause error) {
	r.t.Helper()
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepBackup || !errors.Is(err, cause) {
		r.t.Fatalf("got %v, want a StepError of the backup for %v", err, cause)
	}
	r.wantBeside("node0", "node1")
	r.want(0, "SELECT count(*)::text FROM pg_replication_slots", "0")
	if len(r.members.ended) != 1 || !errors.Is(r.members.ended[0], cause) {
		r.t.Errorf("EndRecovery was told %v, want %v once", r.members.ended, cause)
	}
	if _, err := os.Stat(filepath.Join(r.db.Node(1).DataDirectory, "sentinel")); err != nil {
		r.t.Error(err)
	}
	r.db.Start(1) // the old directory is as good as it was
}

func TestCancelLeavesTheOldDirectory(t *testing.T) {
	r := newRig(t, slowly)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var second error
	err := r.interrupt(ctx, func() {
		second = r.engine.RecoverBy(ctx, 1, Rebuild, nil)
		if jobs := r.engine.Jobs(); len(jobs) != 1 || jobs[0].Step != StepBackup || jobs[0].Total == 0 {
			t.Errorf("jobs %+v, want a running copy", jobs)
		}
		cancel()
	})
	r.wantUntouched(err, context.Canceled)
	if !errors.Is(second, ErrBusy) {
		t.Errorf("a second recovery: %v, want %v", second, ErrBusy)
	}
}

func TestPrimaryChangeEndsTheJob(t *testing.T) {
	r := newRig(t, slowly)
	err := r.interrupt(t.Context(), func() { r.primary(cluster.NoNode) })
	r.wantUntouched(err, ErrPrimaryChanged)
}

func TestCloseEndsTheJob(t *testing.T) {
	r := newRig(t, slowly)
	closed := make(chan struct{})
	err := r.interrupt(t.Context(), func() {
		go func() { r.engine.Close(); close(closed) }()
	})
	<-closed
	r.wantUntouched(err, ErrClosed)
	if err := r.engine.RecoverBy(t.Context(), 1, Rebuild, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want %v", err, ErrClosed)
	}
}

// After the swap there is no way back: the error says where the old one is.
func TestFailureAfterTheSwap(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Stop(1)
	appendTo(t, filepath.Join(r.db.Node(1).DataDirectory, "postgresql.conf"), "no_such_parameter = 1\n")
	err := r.engine.RecoverBy(t.Context(), 1, Rebuild, nil)
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepStart {
		t.Fatalf("got %v, want a StepError of the start", err)
	}
	for _, part := range []string{"no_such_parameter", r.db.Node(1).DataDirectory + ".old-1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "password") {
		t.Errorf("%q tells a password", err)
	}
	r.wantBeside("node0", "node1", "node1.old-1")
	r.want(0, "SELECT count(*)::text FROM pg_replication_slots", "1")
	r.recoverDamaged()
}

// recoverDamaged runs the recovery again, with a directory that nobody can
// identify any more: it is kept.
func (r *rig) recoverDamaged() {
	r.t.Helper()
	for _, name := range []string{"postgresql.conf", "global/pg_control"} {
		if err := os.Remove(filepath.Join(r.db.Node(1).DataDirectory, name)); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := r.engine.RecoverBy(r.t.Context(), 1, Rebuild, nil); err != nil {
		r.t.Fatal(err)
	}
	r.recovered(1, 0)
	r.wantBeside("node0", "node1", "node1.old-1", "node1.old-2")
}

func TestRefused(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.wantOwnersRefusal()
	cases := []struct {
		name  string
		node  cluster.NodeID
		setUp func()
		want  string
	}{
		{"unknown", 7, func() {}, "node 7 does not exist"},
		{"primary", 0, func() {}, "node 0 is the primary"},
		{"no primary", 1, func() { r.primary(cluster.NoNode) }, "no primary"},
		{"healthy", 1, func() {
			r.state(func(n *cluster.NodeState) { n.Status, n.PGUp, n.ReplicationState = cluster.Up, true, "streaming" })
		}, "needs no recovery"},
		{"access none", 1, func() { r.state(func(n *cluster.NodeState) { n.Access = cluster.AccessNone }) }, "access none"},
		{"standby as primary", 0, func() { r.primary(1) }, "node 1 is in recovery"},
		{"foreign", 1, r.foreign, "belongs to another cluster"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start := r.board.Current().Clone()
			defer r.board.Publish(start) // a clone: it gets a number of its own
			c.setUp()
			err := r.engine.Recover(t.Context(), c.node, nil)
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || refused.Hint() == "" {
				t.Errorf("got %v, want a refusal with %q and a hint", err, c.want)
			}
		})
	}
	if r.members.begun != 0 {
		t.Errorf("%d recoveries begun, want none", r.members.begun)
	}
}

// wantOwnersRefusal asserts that nothing happens when the owner keeps the node.
func (r *rig) wantOwnersRefusal() {
	r.t.Helper()
	r.members.refuse = errors.New("a failover is running")
	if err := r.engine.Recover(r.t.Context(), 1, nil); !errors.Is(err, r.members.refuse) {
		r.t.Errorf("got %v, want what the owner said", err)
	}
	if len(r.members.ended) != 0 {
		r.t.Errorf("EndRecovery was called %d times without a begin", len(r.members.ended))
	}
	r.members.refuse = nil
}

func (r *rig) state(change func(*cluster.NodeState)) {
	next := r.board.Current().Clone()
	change(&next.Nodes[1])
	r.board.Publish(next)
}

// foreign gives node 1 the directory of another cluster.
func (r *rig) foreign() {
	r.t.Helper()
	r.db.Stop(1)
	dir := r.db.Node(1).DataDirectory
	if err := os.Rename(dir, dir+".away"); err != nil {
		r.t.Fatal(err)
	}
	err := r.db.Instance(1).InitDB(r.t.Context(), host.InitDB{Superuser: "other", Password: "other"})
	if err != nil {
		r.t.Fatal(err)
	}
}
