package host_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// extra is one more node of c that does not exist yet.
func extra(t *testing.T, c *pgtest.TestCluster) *host.Instance {
	t.Helper()
	n := cluster.Node{
		ID: 9, Name: "node9", Host: "127.0.0.1", Port: pgtest.FreePort(t),
		DataDirectory: filepath.Join(c.Dir(), "node9"), Access: cluster.AccessLocal,
	}
	i := host.Open(c.Instance(0).Machine(), n, c.BinDir())
	t.Cleanup(func() {
		if err := i.Stop(context.Background(), host.Immediate); err != nil {
			t.Error(err)
		}
	})
	return i
}

// itoa is for file contents.
func itoa(n int) string { return strconv.Itoa(n) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func control(t *testing.T, i *host.Instance) host.Control {
	t.Helper()
	c, err := i.Control(t.Context())
	must(t, err)
	return c
}

func TestRebuildByHand(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	i, m := extra(t, c), c.Instance(0).Machine()
	must(t, m.MkdirAll(i.DataDirectory(), 0o700))
	must(t, m.WriteFile(filepath.Join(i.DataDirectory(), "precious"), nil, 0o600))
	c.Exec(0, "SELECT pg_create_physical_replication_slot($1, true)", i.Node().SlotName())
	fresh := i.DataDirectory() + ".new"
	var done, total int64
	must(t, i.BaseBackup(t.Context(), host.BaseBackup{
		Source: c.Node(0), Credentials: c.Credentials(), Target: fresh, Slot: i.Node().SlotName(),
		Progress: func(d, t int64) { done, total = d, t },
	}))
	if total < 10<<20 || done < total {
		t.Errorf("the last progress was %d of %d bytes", done, total)
	}
	old, err := i.Swap(fresh, nil)
	must(t, err)
	if kept, err := m.Exists(filepath.Join(old, "precious")); !kept || err != nil {
		t.Errorf("%s does not hold the old directory: %v", old, err)
	}
	must(t, i.Configure(map[string]string{"port": itoa(i.Node().Port)}))
	must(t, i.Follow(c.Node(0).PrimaryConninfo(i.Node(), c.Credentials()), i.Node().SlotName()))
	must(t, i.Start(t.Context()))
	awaitSender(t, c, "node9")
	if got, want := control(t, i), control(t, c.Instance(0)); got.SystemIdentifier != want.SystemIdentifier ||
		got.State != "in archive recovery" || want.State != "in production" || got.MajorVersion != want.MajorVersion {
		t.Errorf("control data %+v of the copy, %+v of the source", got, want)
	}
}

func awaitSender(t *testing.T, c *pgtest.TestCluster, name string) {
	t.Helper()
	conn := c.Conn(0)
	pgtest.Await(t, 10*time.Second, name+" to stream", func() bool {
		var n int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM ("+sql.Replication+
			") AS r WHERE state = 'streaming' AND application_name = $1", name).Scan(&n)
		return err == nil && n == 1
	})
}

func TestBaseBackupFails(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	i := extra(t, c)
	b := host.BaseBackup{Source: c.Node(0), Credentials: c.Credentials(), Target: i.DataDirectory() + ".new"}

	wrong := b
	wrong.Credentials.Password = "hunter2"
	err := i.BaseBackup(t.Context(), wrong)
	if err == nil || !strings.Contains(err.Error(), "password authentication failed") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("wrong password: %v", err)
	}

	slow := b
	slow.MaxRate = "32k"
	ctx, cancel := context.WithCancel(t.Context())
	slow.Progress = func(_, total int64) { cancel() }
	if err := i.BaseBackup(ctx, slow); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	must(t, c.Instance(0).Machine().RemoveAll(b.Target))

	must(t, i.BaseBackup(t.Context(), b))
	must(t, os.Truncate(filepath.Join(b.Target, "global", "pg_control"), 100))
	if err := i.VerifyBackup(t.Context(), b.Target); err == nil || !strings.Contains(err.Error(), "pg_control") {
		t.Errorf("a damaged copy: %v", err)
	}
}

// After a clean stop of the primary, a standby that was connected has exactly
// its log.
func TestShutdownLSN(t *testing.T) {
	c := pgtest.Cluster(t, 1)
	c.Exec(0, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
	if _, err := c.Instance(0).ShutdownLSN(t.Context()); err == nil {
		t.Error("a running primary has a shutdown position")
	}
	c.Stop(0)
	end, err := c.Instance(0).ShutdownLSN(t.Context())
	must(t, err)
	pgtest.Await(t, 10*time.Second, "the standby to have it all", func() bool { return c.Position(1) >= end })
	if got := c.Position(1); got != end {
		t.Errorf("the log ends at %v, the standby at %v", end, got)
	}
	if state := control(t, c.Instance(0)); !state.CleanlyStopped() {
		t.Errorf("state %q", state.State)
	}
}

func TestStartAndStop(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	i := c.Instance(0)
	must(t, i.Start(t.Context())) // runs already
	if running, err := i.Running(); !running || err != nil {
		t.Errorf("Running() = %v, %v", running, err)
	}
	if err := i.Configure(map[string]string{"port": "1"}); err == nil {
		t.Error("a running server was configured behind its back")
	}
	if _, err := i.Swap(i.DataDirectory()+".new", nil); err == nil {
		t.Error("the directory of a running server was swapped")
	}
	for _, mode := range []host.StopMode{host.Fast, host.Immediate} {
		must(t, i.Stop(t.Context(), mode))
		must(t, i.Stop(t.Context(), mode)) // is stopped already
		if running, err := i.Running(); running || err != nil {
			t.Errorf("%v: Running() = %v, %v", mode, running, err)
		}
		if clean := control(t, i).CleanlyStopped(); clean != (mode == host.Fast) {
			t.Errorf("%v: cleanly stopped: %v", mode, clean)
		}
		must(t, i.Start(t.Context()))
	}
}

func TestStartSaysWhy(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	c.Stop(0)
	must(t, c.Instance(0).Configure(map[string]string{"shared_buffers": "plenty"}))
	err := c.Instance(0).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "node 0") || !strings.Contains(err.Error(), `invalid value for parameter "shared_buffers"`) {
		t.Errorf("got %v", err)
	}
}

// postmaster.pid of a server that is gone may name somebody else's process.
func TestRunningIsNotFooled(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	c.Stop(0)
	i := c.Instance(0)
	pid := filepath.Join(i.DataDirectory(), "postmaster.pid")
	for _, text := range []string{itoa(os.Getpid()) + "\n", "", "x\n", "-5000000\n"} {
		must(t, i.Machine().WriteFile(pid, []byte(text), 0o600))
		if running, err := i.Running(); running || err != nil {
			t.Errorf("%q: Running() = %v, %v", text, running, err)
		}
	}
	must(t, i.Machine().RemoveAll(pid))
}

func TestConfigurationElsewhere(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	i, m := c.Instance(0), c.Instance(0).Machine()
	c.Stop(0)
	here, there := filepath.Join(i.DataDirectory(), "postgresql.conf"), filepath.Join(c.Dir(), "the main's.conf")
	must(t, m.Rename(here, there))
	opts := `/bin/postgres "-D" "` + i.DataDirectory() + `" "-c" "config_file=` + there + `"` + "\n"
	must(t, m.WriteFile(filepath.Join(i.DataDirectory(), "postmaster.opts"), []byte(opts), 0o600))
	for range 2 { // the server writes the file anew
		must(t, i.Start(t.Context()))
		must(t, i.Stop(t.Context(), host.Fast))
	}
}

func TestSwap(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	i, m := extra(t, c), c.Instance(0).Machine()
	fresh := i.DataDirectory() + ".new"
	if _, err := i.Swap("/elsewhere/new", nil); err == nil {
		t.Error("a swap across directories")
	}
	for _, want := range []string{"", i.DataDirectory() + ".old-1", i.DataDirectory() + ".old-2"} {
		must(t, m.MkdirAll(fresh, 0o700))
		if old, err := i.Swap(fresh, nil); err != nil || old != want {
			t.Errorf("Swap = %q, %v; want %q", old, err, want)
		}
	}
	must(t, m.MkdirAll(fresh, 0o700))
	_, err := i.Swap(fresh, func() error {
		if there, err := m.Exists(i.DataDirectory()); there || err != nil {
			t.Errorf("between the renames there is a data directory: %v, %v", there, err)
		}
		return os.ErrInvalid
	})
	if there, existsErr := m.Exists(fresh); !errors.Is(err, os.ErrInvalid) || !there || existsErr != nil {
		t.Errorf("a swap that fails half-way: %v; the new one is still there: %v, %v", err, there, existsErr)
	}
	must(t, m.RemoveAll(fresh))
	if _, err := i.Swap(fresh, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing to swap in: %v", err)
	}
	if back, err := m.Exists(i.DataDirectory()); !back || err != nil {
		t.Errorf("a failed swap left nothing in place: %v", err)
	}
}

// A server that was killed may stay a zombie that nobody waits for.
func TestStartOverAZombie(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	c.Stop(0)
	i := c.Instance(0)
	info, err := os.Stat(i.DataDirectory())
	must(t, err)
	zombie := exec.Command("true")
	zombie.Dir = "/"
	if owner := info.Sys().(*syscall.Stat_t); os.Getuid() == 0 {
		zombie.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	must(t, zombie.Start())
	defer zombie.Wait() // its exit status says nothing
	pgtest.Await(t, 5*time.Second, "the process to end", func() bool {
		_, err := i.Machine().ProcessDir(zombie.Process.Pid)
		return errors.Is(err, os.ErrNotExist)
	})
	text := itoa(zombie.Process.Pid) + "\n" + i.DataDirectory() + "\n"
	must(t, i.Machine().WriteFile(filepath.Join(i.DataDirectory(), "postmaster.pid"), []byte(text), 0o600))
	must(t, i.Start(t.Context()))
}
