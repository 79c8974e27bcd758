package recovery

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// refusedWith asserts that a recovery did not begin, and why.
func (r *rig) refusedWith(err error, part string) {
	r.t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		r.t.Errorf("got %v, want %q", err, part)
	}
	if r.members.begun != 0 {
		r.t.Error("the recovery was begun")
	}
}

// A password that the primary does not take, or a rule that refuses replication, ends
// the recovery before anything is touched: the node still runs.
func TestRecoverTurnedAway(t *testing.T) {
	r := newRig(t, func(*Config) {})
	password := r.engine.cfg.Monitor.Password
	r.engine.cfg.Monitor.Password = "a-wrong-secret"
	err := r.engine.Recover(t.Context(), 1, nil)
	r.refusedWith(err, "password authentication failed")
	if strings.Contains(err.Error(), "a-wrong-secret") {
		t.Errorf("the error tells the password: %v", err)
	}
	r.engine.cfg.Monitor.Password = password

	path := filepath.Join(r.db.Node(0).DataDirectory, "pg_hba.conf")
	rules, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.reload(path, "host replication all all reject\n"+string(rules))
	err = r.engine.Recover(t.Context(), 1, nil)
	r.refusedWith(err, "refuses a replication connection")
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Hint(), "pg_hba.conf") {
		t.Errorf("no hint in %v", err)
	}
	r.want(1, "SELECT pg_is_in_recovery()::text", "true")

	r.reload(path, string(rules))
	if err := r.engine.RecoverBy(t.Context(), 1, Rebuild, nil); err != nil {
		t.Fatal(err)
	}
	r.db.AssertHealthy(0, 1)
}

// reload replaces the primary's pg_hba.conf.
func (r *rig) reload(path, text string) {
	r.t.Helper()
	if err := r.db.Instance(0).Machine().WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.db.Exec(0, "SELECT pg_reload_conf()")
}

// The primary is killed while it is copied. The node's old directory is as it was, and
// when the primary is back, so is the node.
func TestSourceDiesHalfWay(t *testing.T) {
	r := newRig(t, slowly)
	err := r.interrupt(t.Context(), func() { r.db.Kill(0) })
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepBackup || !strings.Contains(failed.Left, "its data directory is as it was") {
		t.Fatalf("got %v, want a StepError of the backup", err)
	}
	r.wantBeside("node0", "node1")
	r.db.Start(0)
	r.engine.cfg.MaxRate = ""
	r.returns(1, 0, Follow)
	r.db.AssertHealthy(0, 1)
}

// A disk that is too small is told before, one that gets full ends the copy. Both leave
// nothing behind, and with room the node comes back.
func TestFullDisk(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Stop(1)
	databases, err := strconv.ParseInt(r.text(0, "SELECT sum(pg_database_size(oid))::text FROM pg_database"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.moveToDisk(needed(databases) - 1<<20)
	if errors.Is(err, unix.EPERM) {
		t.Log("a small file system cannot be mounted here; pg_basebackup may write no large file instead")
		r.limitedFiles()
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	r.refusedWith(r.engine.Recover(t.Context(), 1, nil), "free beside")

	d.resize(needed(databases) + 2<<20) // no room for the log
	err = r.engine.Recover(t.Context(), 1, nil)
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepBackup || !strings.Contains(err.Error(), "No space left on device") {
		t.Fatalf("got %v, want a StepError of the backup", err)
	}
	if left := entries(t, d.dir); len(left) > 0 {
		t.Errorf("left on the disk: %v", left)
	}
	d.resize(1 << 30)
	if err := r.engine.Recover(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	r.db.AssertHealthy(0, 1)
}

// disk is a file system of its own.
type disk struct {
	r   *rig
	dir string
}

// moveToDisk gives node 1 a data directory, still missing, on a disk of some bytes.
func (r *rig) moveToDisk(bytes int64) (disk, error) {
	r.t.Helper()
	d := disk{r, filepath.Join(r.db.Dir(), "disk")}
	m := r.db.Instance(1).Machine()
	if err := m.MkdirAll(d.dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	owner, err := os.Stat(d.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", d.dir, "tmpfs", 0, "size="+strconv.FormatInt(bytes, 10)); err != nil {
		return d, errors.Join(err, os.Remove(d.dir))
	}
	s := owner.Sys().(*syscall.Stat_t)
	if err := os.Chown(d.dir, int(s.Uid), int(s.Gid)); err != nil {
		r.t.Fatal(err)
	}
	node := r.db.Node(1)
	node.DataDirectory = filepath.Join(d.dir, "node1")
	d.use(node, host.Open(m, node, r.db.BinDir()))
	return d, nil
}

// use has an engine that knows of the node there.
func (d disk) use(node cluster.Node, instance *host.Instance) {
	r := d.r
	r.t.Cleanup(func() {
		if err := instance.Stop(context.Background(), host.Immediate); err != nil { // the test's has ended
			r.t.Error(err)
		}
		if err := unix.Unmount(d.dir, 0); err != nil {
			r.t.Error(err)
		}
	})
	next := r.board.Current().Clone()
	next.Nodes[1].Node = node
	r.board.Publish(next)
	r.useInstance(instance)
}

func (r *rig) useInstance(i Instance) {
	r.engine = New(r.engine.cfg, r.board, func(cluster.NodeID) (Instance, error) { return i, nil }, r.members, hclog.NewNullLogger())
	r.t.Cleanup(r.engine.Close)
}

// limitedFiles rebuilds node 1 by a pg_basebackup whose files may have 4 MB, which a
// segment of the log is larger than, and then by the real one.
func (r *rig) limitedFiles() {
	r.t.Helper()
	bin := filepath.Join(r.db.Dir(), "bin")
	programs, err := filepath.Glob(filepath.Join(r.db.BinDir(), "*"))
	if err == nil {
		err = os.Mkdir(bin, 0o755)
	}
	for _, program := range programs {
		err = errors.Join(err, os.Symlink(program, filepath.Join(bin, filepath.Base(program))))
	}
	limited := filepath.Join(bin, "pg_basebackup")
	text := "#!/bin/sh\nulimit -f 8192\nexec " + r.db.BinDir() + "/pg_basebackup \"$@\"\n"
	if err := errors.Join(err, os.Remove(limited), os.WriteFile(limited, []byte(text), 0o755)); err != nil {
		r.t.Fatal(err)
	}
	r.useInstance(host.Open(r.db.Instance(1).Machine(), r.db.Node(1), bin))
	var failed *StepError
	if err := r.engine.RecoverBy(r.t.Context(), 1, Rebuild, nil); !errors.As(err, &failed) || failed.Step != StepBackup {
		r.t.Fatalf("got %v, want a StepError of the backup", err)
	}
	if err := os.RemoveAll(bin); err != nil {
		r.t.Fatal(err)
	}
	r.wantBeside("node0", "node1")
	r.useInstance(r.db.Instance(1))
	r.returns(1, 0, Follow)
	r.db.AssertHealthy(0, 1)
}

func (d disk) resize(bytes int64) {
	d.r.t.Helper()
	if err := unix.Mount("", d.dir, "tmpfs", unix.MS_REMOUNT, "size="+strconv.FormatInt(bytes, 10)); err != nil {
		d.r.t.Fatal(err)
	}
}
