package failover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

func sqlAccess(c *Config) {
	c.Functions = c.Monitor
	for i := range c.Nodes {
		c.Nodes[i].Access = cluster.AccessSQL
	}
}

// functions installs what access sql needs, everywhere.
func (r *rig) functions() {
	r.t.Helper()
	r.pg.Exec(0, sql.RecoveryFunctions)
	r.pg.AwaitCaughtUp(0, 1)
	for _, n := range r.pg.Nodes() {
		r.startScript(n.ID)
	}
}

// startScript is as Pgpool-II's documentation has it, for machines that are one.
func (r *rig) startScript(id cluster.NodeID) {
	r.t.Helper()
	text := "#!/bin/sh\nexec " + r.pg.BinDir() + `/pg_ctl -w -D "$2" -l "$2/log" start </dev/null >/dev/null 2>&1` + "\n"
	if err := os.WriteFile(filepath.Join(r.pg.Node(id).DataDirectory, host.RemoteStart), []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// promoted runs PROMOTE NODE id.
func (r *rig) promoted(id cluster.NodeID) string {
	r.t.Helper()
	var told []string
	began := time.Now()
	err := r.engine.Promote(r.t.Context(), id, Switchover, func(text string) { told = append(told, text) })
	r.t.Logf("PROMOTE NODE %d took %v: %v", id, time.Since(began), err)
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.Join(told, "\n")
}

// Where pgherd has only SQL, a primary stops itself, and a script on the new one
// starts it as a standby.
func TestSwitchoverBySQL(t *testing.T) {
	r := newRig(t, 2, sqlAccess)
	r.write(0, 1, 2)
	err := r.engine.Promote(t.Context(), 1, Switchover, nil)
	if err == nil || !strings.Contains(err.Error(), "node 0: there is no function pgpool_pgctl of a superuser: CREATE EXTENSION") {
		t.Errorf("without the functions: %v", err)
	}
	r.await("node 0 still leads", func(s *cluster.Snapshot) bool { return s.Writable() == 0 && s.Hold == cluster.HoldNone })
	r.functions()

	stopLoad := r.load(0, 4)
	r.promoted(1)
	stopLoad()
	r.await("node 0 follows node 1", func(s *cluster.Snapshot) bool { return s.Writable() == 1 && r.allUp(s) && r.streaming(s, 0, 2) })
	if s := r.board.Current(); s.Epoch != 2 || !s.Switches[0].Complete {
		t.Errorf("after the switchover: %s", describe(s))
	}
	if old, now := r.count(0), r.count(1); old != now {
		t.Errorf("node 0 has %d rows, node 1 %d", old, now)
	}
	r.write(1, 0, 2)

	if _, err := r.promoteUntil(0, "switchover: stopping node 1"); err == nil {
		t.Error("it was canceled, and went on")
	}
	r.await("node 1 leads again", func(s *cluster.Snapshot) bool {
		return s.Writable() == 1 && s.Hold == cluster.HoldNone && r.streaming(s, 0, 2)
	})
	r.write(1, 0, 2)
	r.promoted(0)
	r.await("node 1 follows node 0", func(s *cluster.Snapshot) bool { return s.Writable() == 0 && r.allUp(s) && r.streaming(s, 1, 2) })

	r.pg.Kill(0)
	r.await("a failover", func(s *cluster.Snapshot) bool { return s.Writable() > 0 })
}

// Without a script nobody can start the old primary, and it comes back when somebody does.
func TestSwitchoverBySQLWithoutScript(t *testing.T) {
	r := newRig(t, 1, sqlAccess)
	r.functions()
	r.write(0, 1)
	if err := os.Remove(filepath.Join(r.pg.Node(1).DataDirectory, host.RemoteStart)); err != nil {
		t.Fatal(err)
	}
	if told := r.promoted(1); !strings.Contains(told, "warning: node 0 does not follow node 1: node 0 was not started by the script") {
		t.Error(told)
	}
	r.await("node 0 told how to come back", func(s *cluster.Snapshot) bool {
		return s.Nodes[0].Status == cluster.Down && strings.Contains(s.Nodes[0].Reason, "start its server, which comes up as a standby")
	})
	r.write(1)
	if err := r.pg.Instance(0).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.await("node 0 follows node 1", func(s *cluster.Snapshot) bool { return r.allUp(s) && r.streaming(s, 0) })
	r.write(1, 0)
}

// Killed when the old primary has stopped and the epoch is not raised yet, pgherd
// makes it the primary again.
func TestKilledAfterStopBySQL(t *testing.T) {
	r := newRig(t, 1, sqlAccess)
	r.functions()
	r.write(0, 1)
	r.stop()
	r.bomb = &bomb{}
	r.start()
	r.await("all nodes up", r.allUp)
	r.bomb.left.Store(2) // the first is the intent
	if err := r.engine.Promote(t.Context(), 1, Switchover, nil); err != ErrStopped {
		t.Errorf("the engine was killed: %v", err)
	}
	r.stop()
	pgtest.Await(t, 10*time.Second, "node 0 to end, behind its last record", func() bool {
		running, err := r.pg.Instance(0).Running()
		return !running && err == nil
	})
	r.bomb = nil
	r.start()
	r.await("the old primary", func(s *cluster.Snapshot) bool {
		return s.Writable() == 0 && s.Hold == cluster.HoldNone && r.streaming(s, 1)
	})
	r.write(0, 1)
	if s := r.board.Current(); s.Epoch != 1 {
		t.Errorf("epoch %d", s.Epoch)
	}
	if _, err := os.Stat(fmt.Sprintf("%s/standby.signal", r.pg.Node(0).DataDirectory)); err == nil {
		t.Error("it is still marked as a standby")
	}
}

// A service manager that starts the server as soon as it has stopped makes a standby of it.
func TestSwitchoverBySQLStartedAtOnce(t *testing.T) {
	r := newRig(t, 1, sqlAccess)
	r.functions()
	r.write(0, 1)
	dir, ctl := r.pg.Node(0).DataDirectory, r.pg.BinDir()+"/pg_ctl"
	manager := filepath.Join(r.pg.Dir(), "manager")
	text := fmt.Sprintf("#!/bin/sh\n%s -w \"$@\" && exec %s -w -D %s -l %s/log start\n", ctl, ctl, dir, dir)
	if err := os.WriteFile(manager, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "postgresql.auto.conf"), []byte("pgpool.pg_ctl = '"+manager+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range r.pg.Nodes() {
		if err := os.Remove(filepath.Join(n.DataDirectory, host.RemoteStart)); err != nil {
			t.Fatal(err)
		}
	}
	if told := r.promoted(1); strings.Contains(told, "warning") {
		t.Logf("it was not started yet:\n%s", told)
	}
	r.await("node 0 follows node 1", func(s *cluster.Snapshot) bool { return s.Writable() == 1 && r.allUp(s) && r.streaming(s, 0) })
	r.write(1, 0)
}
