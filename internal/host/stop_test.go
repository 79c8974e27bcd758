package host_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// gone asserts that nothing of the server is left.
func gone(t *testing.T, i *host.Instance) {
	t.Helper()
	if running, err := i.Running(); running || err != nil {
		t.Errorf("Running() = %v, %v", running, err)
	}
	if pids, err := i.Machine().ServersIn(i.DataDirectory()); len(pids) > 0 || err != nil {
		t.Errorf("processes %v are left, %v", pids, err)
	}
}

// onMachines runs a test on this machine, and over ssh.
func onMachines(t *testing.T, test func(t *testing.T, on pgtest.Option)) {
	t.Run("local", func(t *testing.T) { test(t, pgtest.WithMachine(nil)) })
	t.Run("ssh", func(t *testing.T) { test(t, pgtest.WithMachine(pgtest.SSHD(t).Machine())) })
}

// A hung server, and one of which only the postmaster hangs.
func TestStopImmediateOfAHungServer(t *testing.T) { onMachines(t, stopImmediateOfAHungServer) }

func stopImmediateOfAHungServer(t *testing.T, on pgtest.Option) {
	c := pgtest.Cluster(t, 0, on)
	i := c.Instance(0)
	for name, hang := range map[string]func(){
		"all":        func() { c.Freeze(0) },
		"postmaster": func() { must(t, syscall.Kill(c.Postmaster(0), syscall.SIGSTOP)) },
	} {
		conn := c.Conn(0)
		hang()
		began := time.Now()
		must(t, i.Stop(t.Context(), host.Immediate))
		took := time.Since(began)
		t.Logf("%s: gone after %v", name, took)
		if took > 20*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
		gone(t, i)
		if err := conn.Ping(t.Context()); err == nil {
			t.Error("a backend lives on")
		}
		must(t, i.Start(t.Context())) // its own log repairs it
	}
}

// The postmaster was killed, and a backend that hangs has not noticed.
func TestStopImmediateOfAnOrphan(t *testing.T) { onMachines(t, stopImmediateOfAnOrphan) }

func stopImmediateOfAnOrphan(t *testing.T, on pgtest.Option) {
	c := pgtest.Cluster(t, 0, on)
	i := c.Instance(0)
	var pid int
	must(t, c.Conn(0).QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	must(t, syscall.Kill(c.Postmaster(0), syscall.SIGKILL))
	pgtest.Await(t, 10*time.Second, "the orphan to be alone", func() bool {
		pids, err := i.Machine().ServersIn(i.DataDirectory())
		return err == nil && slices.Equal(pids, []int{pid})
	})
	must(t, i.Stop(t.Context(), host.Immediate))
	gone(t, i)
	must(t, i.Start(t.Context()))
}

// Other servers, and other programs in the data directory, are left alone.
func TestStopImmediateKillsNobodyElse(t *testing.T) { onMachines(t, stopImmediateKillsNobodyElse) }

func stopImmediateKillsNobodyElse(t *testing.T, on pgtest.Option) {
	c := pgtest.Cluster(t, 1, on)
	i := c.Instance(0)
	other := exec.Command("sleep", "100")
	other.Dir = i.DataDirectory()
	must(t, other.Start())
	ended := make(chan error, 1)
	go func() { ended <- other.Wait() }()
	c.Freeze(1)
	c.Freeze(0) // the program, too
	must(t, other.Process.Signal(syscall.SIGCONT))
	must(t, i.Stop(t.Context(), host.Immediate))
	gone(t, i)
	select {
	case err := <-ended:
		t.Errorf("a program in the data directory ended: %v", err)
	default:
	}
	must(t, other.Process.Kill())
	<-ended
	must(t, c.Instance(1).Machine().KillServer(c.Postmaster(1), i.DataDirectory()))
	c.Thaw(1)
	c.Exec(1, "SELECT 1")
	must(t, i.Start(t.Context()))
}

// A server that ends in order within the time is not killed: its shared memory
// goes with it.
func TestStopImmediateIsPoliteFirst(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	i := c.Instance(0)
	must(t, i.Stop(t.Context(), host.Immediate))
	gone(t, i)
	if log := i.LogTail(20); !strings.Contains(log, "received immediate shutdown request") {
		t.Errorf("the log ends with\n%s", log)
	}
}

// A fast shutdown does not end a hung server, and says so.
func TestStopFastOfAHungServer(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	conn := c.Conn(0)
	c.Freeze(0)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := c.Instance(0).Stop(ctx, host.Fast); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	c.Thaw(0)
	awaitEnd(t, conn)
}

// awaitEnd: the signal was only delayed.
func awaitEnd(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	pgtest.Await(t, 10*time.Second, "the shutdown", func() bool { return conn.Ping(t.Context()) != nil })
}
