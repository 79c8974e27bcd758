package recovery

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// applications is Clients who leave at once, or never.
type applications struct {
	stay            bool
	holds, releases atomic.Int32
}

func (a *applications) Hold()    { a.holds.Add(1) }
func (a *applications) Release() { a.releases.Add(1) }

func (a *applications) Settled(ctx context.Context, _ time.Duration) error {
	if a.stay {
		<-ctx.Done()
	}
	return ctx.Err()
}

// wantHolds asserts how often clients were held up, and that all were let go.
func (a *applications) wantHolds(t *testing.T, n int32) {
	t.Helper()
	if a.holds.Load() != n || a.releases.Load() != n {
		t.Errorf("%d holds and %d releases, want %d", a.holds.Load(), a.releases.Load(), n)
	}
}

// scriptRig has scripts that bring node 1 back, and nobody who streams.
func scriptRig(t *testing.T, change func(*Config)) (*rig, *applications) {
	t.Helper()
	a := &applications{}
	r := newRig(t, func(c *Config) {
		c.Scripts = Scripts{FirstStage: "first", SecondStage: "second", Clients: a, Credentials: c.Monitor}
		change(c)
	})
	r.db.Exec(0, sql.RecoveryFunctions)
	r.script("first", "true")
	r.script("second", "true")
	r.script("pgpool_remote_start", r.db.BinDir()+`/pg_ctl -w -D "$2" -l "$2/log" start </dev/null >/dev/null 2>&1`)
	r.db.Stop(1)
	return r, a
}

func (r *rig) script(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.db.Node(0).DataDirectory, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// A node that pgherd has no access to is recovered by the scripts; with one stage
// nobody is held up.
func TestOneStage(t *testing.T) {
	r, a := scriptRig(t, func(c *Config) { c.Scripts.SecondStage = "" })
	r.state(func(n *cluster.NodeState) { n.Access = cluster.AccessNone })
	if err := r.engine.Check(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if err := r.engine.Recover(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	r.recovered(1, 0)
	a.wantHolds(t, 0)
	if j := r.engine.Jobs()[0]; j.Procedure != TwoStage || j.Step != StepDone {
		t.Errorf("the job %+v", j)
	}
}

// Clients who stay are let go as well.
func TestClientsWhoStay(t *testing.T) {
	r, a := scriptRig(t, func(c *Config) { c.Timeout = time.Second })
	a.stay = true
	err := r.engine.RecoverBy(t.Context(), 1, TwoStage, nil)
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepHold || !strings.Contains(err.Error(), "client_idle_limit_in_recovery") {
		t.Errorf("got %v, want an error of %v", err, StepHold)
	}
	a.wantHolds(t, 1)
}

// A job that is cancelled lets the clients go, and its script is interrupted. Before
// that has ended, no other is begun.
func TestCancelledScript(t *testing.T) {
	r, a := scriptRig(t, func(*Config) {})
	begun, end := filepath.Join(r.db.Dir(), "begun"), filepath.Join(r.db.Dir(), "end")
	r.script("second", "trap 'touch "+end+"; exit 1' INT; touch "+begun+"; while :; do sleep 0.05; done")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.engine.RecoverBy(ctx, 1, TwoStage, nil) }()
	pgtest.Await(t, 20*time.Second, "the second script", func() bool { return exists(begun) })
	cancel()
	err := <-done
	var failed *StepError
	if !errors.As(err, &failed) || failed.Step != StepSecondStage || failed.SQLState() != "57014" {
		t.Errorf("got %v, want a cancelled %v", err, StepSecondStage)
	}
	a.wantHolds(t, 1)
	pgtest.Await(t, 20*time.Second, "the script to be interrupted", func() bool { return exists(end) })
	r.script("second", "true")
	lock := r.db.Conn(0)
	pgtest.Await(t, 20*time.Second, "the lock of the cancelled job", func() bool {
		var got bool
		err := lock.QueryRow(t.Context(), "SELECT pg_try_advisory_lock($1, 1)", scriptLock).Scan(&got)
		return err == nil && got
	})
	r.wantRefusal(TwoStage, "still run on node 0")
	if _, err := lock.Exec(t.Context(), "SELECT pg_advisory_unlock_all()"); err != nil {
		t.Fatal(err)
	}
	if err := r.engine.RecoverBy(t.Context(), 1, TwoStage, nil); err != nil {
		t.Fatal(err)
	}
	r.recovered(1, 0)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (r *rig) wantRefusal(by Procedure, want string) {
	r.t.Helper()
	err := r.engine.RecoverBy(r.t.Context(), 1, by, nil)
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || refused.Hint() == "" {
		r.t.Errorf("got %v, want a refusal with %q and a hint", err, want)
	}
}

// What is missing is told before anything is done, all of it at once.
func TestScriptsRefused(t *testing.T) {
	r, a := scriptRig(t, func(c *Config) { c.Scripts.Credentials.Database = "postgres" })
	if err := os.Remove(filepath.Join(r.db.Node(0).DataDirectory, "second")); err != nil {
		t.Fatal(err)
	}
	r.db.Start(1)
	for _, want := range []string{"server of node 1 runs", "has no function pgpool_recovery", "missing in the data directory of node 0: second"} {
		r.wantRefusal(TwoStage, want)
	}
	r.db.Exec(0, "CREATE ROLE weak LOGIN PASSWORD 'weak'")
	r.engine.cfg.Scripts.Credentials = cluster.Credentials{User: "weak", Password: "weak", Database: "bench"}
	r.wantRefusal(TwoStage, "weak is no superuser")
	r.engine.cfg.Scripts = Scripts{}
	r.wantRefusal(TwoStage, "recovery_1st_stage_command is not configured")
	a.wantHolds(t, 0)
}
