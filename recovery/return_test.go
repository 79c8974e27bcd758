package recovery

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// returns recovers a node and asserts by which procedure, and that nothing is left.
func (r *rig) returns(node, primary cluster.NodeID, by Procedure, wantSteps ...Step) {
	r.t.Helper()
	var steps []Step
	var said []string
	err := r.engine.Recover(r.t.Context(), node, func(p Progress) {
		if len(steps) == 0 || steps[len(steps)-1] != p.Step {
			steps = append(steps, p.Step)
		}
		said = append(said, p.Message)
	})
	if err != nil {
		r.t.Fatalf("%v\n%s", err, strings.Join(said, "\n"))
	}
	if got := r.lastJob().Procedure; got != by {
		r.t.Errorf("recovered by %v, want %v: %q", got, by, said)
	}
	for _, s := range []Step{StepRewind, StepBackup} {
		if want := slices.Contains(wantSteps, s); slices.Contains(steps, s) != want {
			r.t.Errorf("steps %v, %v among them: want %v", steps, s, want)
		}
	}
	r.recovered(node, primary)
	r.wantBeside("node0", "node1")
}

// explains asserts what Explain says, either by which procedure or why not.
func (r *rig) explains(node cluster.NodeID, wanted, want Procedure, refuse string) {
	r.t.Helper()
	x, err := r.engine.Explain(r.t.Context(), node, By(wanted))
	refused := len(x.Obstacles) == 1 && strings.Contains(x.Obstacles[0].Problem, refuse)
	if err != nil || x.Procedure != want || refused != (refuse != "") || (len(x.Steps) > 0) != (refuse == "") {
		r.t.Errorf("explained as %+v, %v; want %v or %q", x, err, want, refuse)
	}
	if r.members.begun != 0 {
		r.t.Error("the explanation has begun a recovery")
	}
}

func TestFollowStoppedStandby(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Stop(1)
	r.db.Exec(0, "CREATE TABLE missed AS SELECT 1")
	r.explains(1, Undecided, Follow, "")
	r.explains(1, Rewind, Undecided, "rewind would not bring node 1 back: its log up to")
	r.explains(0, Undecided, Undecided, "is the primary")
	r.returns(1, 0, Follow)
	r.want(1, "SELECT count(*)::text FROM missed", "1")
}

// A standby that was promoted away from, while it was down and behind.
func TestFollowAcrossAFailover(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Exec(0, "CREATE TABLE before AS SELECT 1")
	r.db.AwaitCaughtUp(0, 1)
	r.db.Kill(0) // a crashed primary whose log ends where the new one goes on
	r.db.Exec(1, "SELECT pg_promote()")
	r.db.Exec(1, "CREATE TABLE beyond AS SELECT 1")
	r.primary(1)
	r.returns(0, 1, Follow)
	r.want(0, "SELECT count(*)::text FROM before, beyond", "1")
	r.want(0, "SELECT count(*)::text FROM pg_replication_slots", "0")
}

// A server that runs, and follows nobody: it is stopped in order and looked at again.
func TestFollowRunningStandby(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Exec(1, "ALTER SYSTEM SET primary_conninfo = ''")
	r.db.Exec(1, "SELECT pg_reload_conf()")
	r.db.Exec(0, "CREATE TABLE missed AS SELECT 1")
	r.returns(1, 0, Follow)
}

// diverge has the old primary commit rows that the new one never got, then ends it.
func (r *rig) diverge(end func(cluster.NodeID)) {
	r.t.Helper()
	r.db.Exec(0, "CREATE TABLE pair AS SELECT g FROM generate_series(1, 1000) g")
	r.db.Exec(0, "SELECT pg_create_physical_replication_slot('of_the_primary', true)")
	r.db.AwaitCaughtUp(0, 1)
	r.db.Exec(1, "SELECT pg_promote()")
	r.db.Exec(0, "CREATE TABLE lost AS SELECT 1")
	r.db.Exec(0, "DELETE FROM pair WHERE g > 10")
	end(0)
	r.db.Exec(1, "UPDATE pair SET g = -g")
	r.primary(1)
}

func (r *rig) wantRewound() {
	r.t.Helper()
	if lost := r.engine.Jobs()[0].Lost; !strings.Contains(lost, "of timeline 1, with 2 committed transactions (") {
		r.t.Errorf("lost: %q, want the 2 transactions", lost)
	}
	r.want(0, "SELECT (to_regclass('lost') IS NULL)::text", "true")
	r.want(0, "SELECT count(*) || ' ' || sum(g) FROM pair", "1000 -500500")
	r.want(0, "SELECT count(*)::text FROM pg_replication_slots", "0")
	r.want(0, "SHOW work_mem", "7MB")
}

func newRewindRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, func(*Config) {}, pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "256MB"))
	appendTo(t, filepath.Join(r.db.Node(0).DataDirectory, "postgresql.conf"), "work_mem = '7MB'\n")
	return r
}

// What the old primary had not archived is archived before it is taken back, up to the
// file that cannot be.
func TestRewindCrashedPrimary(t *testing.T) {
	r := newRewindRig(t)
	archive := filepath.Join(r.db.Dir(), "archive.log")
	write(t, archive, "")
	if err := os.Chmod(archive, 0o666); err != nil {
		t.Fatal(err)
	}
	appendTo(t, filepath.Join(r.db.Node(0).DataDirectory, "postgresql.conf"),
		"archive_mode = on\narchive_command = 'test %f != 000000010000000000000002 && echo %p %% >> "+archive+"'\n")
	r.diverge(r.db.Kill)
	segments := []string{"000000010000000000000001", "000000010000000000000002", "000000010000000000000003"}
	for _, name := range segments {
		write(t, filepath.Join(r.db.Node(0).DataDirectory, "pg_wal", "archive_status", name+".ready"), "")
	}
	foretold, err := r.engine.Explain(t.Context(), 0, By(Rewind))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	if err := r.engine.Recover(t.Context(), 0, func(p Progress) { said = append(said, p.Message) }); err != nil {
		t.Fatal(err)
	}
	r.recovered(0, 1)
	r.wantRewound()
	if lost := r.engine.Jobs()[0].Lost; foretold.Loss != lost {
		t.Errorf("explained the loss as %q, and it was %q", foretold.Loss, lost)
	}
	if got, err := os.ReadFile(archive); err != nil || string(got) != "pg_wal/000000010000000000000001 %\n" {
		t.Errorf("archived %q, %v", got, err)
	}
	all := strings.Join(said, "\n")
	if !strings.Contains(all, "archived 000000010000000000000001") || !strings.Contains(all, "was not archived: node 0: archive 000000010000000000000002") {
		t.Errorf("said %q", said)
	}
}

func TestRewindRunningPrimary(t *testing.T) {
	r := newRewindRig(t)
	r.diverge(func(cluster.NodeID) {})
	r.returns(0, 1, Rewind, StepRewind)
	r.wantRewound()
}

// A rewind that fails is made up for by a copy; one that was asked for is not, and
// leaves a mark by which the directory is known as useless.
func TestRewindThatFails(t *testing.T) {
	r := newRewindRig(t)
	r.diverge(r.db.Stop)
	dir := r.db.Node(0).DataDirectory
	broken := filepath.Join(dir, "base", "pipe") // pg_rewind wants regular files
	if err := os.Mkdir(broken, 0o000); err != nil {
		t.Fatal(err)
	}
	err := r.engine.RecoverBy(t.Context(), 0, Rewind, nil)
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepRewind || !strings.Contains(failed.Left, "of no use") {
		t.Fatalf("got %v, want a StepError of the rewind", err)
	}
	if _, err := os.Stat(rewindMarker(dir)); err != nil {
		t.Error(err)
	}
	if err := r.engine.RecoverBy(t.Context(), 0, Follow, nil); err == nil || !strings.Contains(err.Error(), "a rewind of it was interrupted") {
		t.Errorf("a useless directory may follow: %v", err)
	}
	if err := os.Remove(rewindMarker(dir)); err != nil {
		t.Fatal(err)
	}
	r.returns(0, 1, Rebuild, StepRewind, StepBackup)
	r.want(0, "SELECT (to_regclass('lost') IS NULL)::text", "true")
}

// What the old primary has removed of its log, from before the fork, is in the archive.
func TestRewindByTheArchive(t *testing.T) {
	r := newRig(t, func(*Config) {}, pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "0"))
	m, log := r.db.Instance(0).Machine(), filepath.Join(r.db.Node(0).DataDirectory, "pg_wal")
	r.engine.cfg.ArchiveDir = filepath.Join(r.db.Dir(), "the archive")
	r.db.AwaitCaughtUp(0, 1)
	r.db.Exec(1, "SELECT pg_promote()")
	r.db.Exec(0, "CREATE TABLE lost AS SELECT 1")
	pgtest.Await(t, 20*time.Second, "the slot to be left", func() bool {
		return r.text(0, "SELECT bool_or(active)::text FROM pg_replication_slots") == "false"
	})
	r.db.Exec(0, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
	for range 3 {
		r.db.Exec(0, "SELECT pg_logical_emit_message(false, '', 'x'), pg_switch_wal()")
	}
	if _, err := m.Run(t.Context(), host.Command{Path: "cp", Args: []string{"-r", log, r.engine.cfg.ArchiveDir}}); err != nil {
		t.Fatal(err)
	}
	r.db.Exec(0, "CHECKPOINT")
	if there, err := m.Exists(filepath.Join(log, "000000010000000000000001")); err != nil || there {
		t.Fatalf("the log before the fork is there: %v, %v", there, err)
	}
	r.db.Stop(0)
	r.primary(1)
	r.recoversBy(0, 1, By(Rewind), "will be rewound to node 1")
	r.want(0, "SELECT (to_regclass('lost') IS NULL)::text", "true")
	r.want(0, "SHOW restore_command", "")
}
