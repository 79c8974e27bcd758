package recovery

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
)

// crashing is an instance in whose swap pgherd is killed, after a number of its two
// renames, the first with those of tablespaces: nothing that would follow happens any more.
type crashing struct {
	Instance
	dir     string
	renames int
}

func (c crashing) Swap(newDir string, between func() error) (string, error) {
	for i, rename := range [][2]string{{c.dir, c.dir + ".old-1"}, {newDir, c.dir}}[:c.renames] {
		if err := os.Rename(rename[0], rename[1]); err != nil {
			return "", err
		}
		if i == 0 {
			if err := between(); err != nil {
				return "", err
			}
		}
	}
	runtime.Goexit()
	return "", nil
}

// crashInTheSwap rebuilds node 1 by an engine that does not live to tell.
func (r *rig) crashInTheSwap(renames int) {
	open := func(id cluster.NodeID) (Instance, error) {
		return crashing{r.db.Instance(id), r.db.Node(id).DataDirectory, renames}, nil
	}
	e := New(r.engine.cfg, r.board, open, r.members, hclog.NewNullLogger())
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		err := e.RecoverBy(r.t.Context(), 1, Rebuild, nil)
		r.t.Errorf("the swap came to an end: %v", err)
	}()
	<-dead
}

// survivesTheSwap has the engine die in the swap, and the next one recover node 1.
func (r *rig) survivesTheSwap(renames int, by Procedure) {
	r.t.Helper()
	r.primary(0)
	r.crashInTheSwap(renames)
	r.primary(0)
	if err := r.engine.Recover(r.t.Context(), 1, nil); err != nil {
		r.t.Fatal(err)
	}
	if got := r.lastJob().Procedure; got != by {
		r.t.Errorf("recovered by %v, want %v", got, by)
	}
	r.db.AssertHealthy(0, 1)
}

func (r *rig) lastJob() Job {
	jobs := r.engine.Jobs()
	return jobs[len(jobs)-1]
}

// After a crash at any moment of the swap the node comes back with its own
// configuration, and nothing is left beside it but what is told.
func TestCrashInTheSwap(t *testing.T) {
	r := newRig(t, func(*Config) {})
	for _, c := range []struct {
		renames int
		by      Procedure
		beside  []string
	}{
		{0, Follow, []string{"node0", "node1"}},
		{1, Follow, []string{"node0", "node1"}}, // what was set aside was sound
		{2, Rebuild, []string{"node0", "node1", "node1.old-1"}},
	} {
		t.Run(fmt.Sprintf("renames %d", c.renames), func(t *testing.T) {
			r := r.on(t)
			r.db.Stop(1)
			appendTo(t, filepath.Join(r.db.Node(1).DataDirectory, "postgresql.conf"), fmt.Sprintf("work_mem = '%dMB'\n", 7+c.renames))
			r.survivesTheSwap(c.renames, c.by)
			r.want(1, "SHOW work_mem", fmt.Sprintf("%dMB", 7+c.renames))
			r.wantBeside(c.beside...)
		})
	}
}

// on is the rig for a subtest.
func (r *rig) on(t *testing.T) *rig {
	sub := *r
	sub.t = t
	return &sub
}
