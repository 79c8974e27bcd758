package recovery

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// place makes a directory for a tablespace beside the data directories.
func (r *rig) place(name string) string {
	r.t.Helper()
	dir := filepath.Join(r.db.Dir(), name)
	if err := r.db.Instance(0).Machine().MkdirAll(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	return dir
}

// createTablespace makes one on a node, with a table of the same name in it.
func (r *rig) createTablespace(on cluster.NodeID, name, dir string) {
	r.t.Helper()
	r.db.Exec(on, fmt.Sprintf("CREATE TABLESPACE %s LOCATION '%s'", name, dir))
	r.db.Exec(on, fmt.Sprintf("CREATE TABLE %s TABLESPACE %[1]s AS SELECT g, md5(g::text) FROM generate_series(1, 5000) g", name))
}

// maps gives a node a tablespace_mapping.
func (r *rig) maps(node cluster.NodeID, from, to string) {
	r.engine.cfg.TablespaceMapping = func(id cluster.NodeID) map[string]string {
		if id != node {
			return nil
		}
		return map[string]string{from: to}
	}
}

func (r *rig) wantLocation(node cluster.NodeID, tablespace, want string) {
	r.t.Helper()
	r.want(node, "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = '"+tablespace+"'", want)
}

// newTablespaceRig has a tablespace that node 1, which is stopped, does not have yet, on
// the same machine: where it goes has to be said.
func newTablespaceRig(t *testing.T, opts ...pgtest.Option) (r *rig, there, here string) {
	t.Helper()
	r = newRig(t, func(*Config) {}, append(opts, pgtest.WithSetting("allow_in_place_tablespaces", "on"))...)
	r.db.Stop(1)
	there, here = r.place("ts0"), filepath.Join(r.db.Dir(), "ts1")
	r.createTablespace(0, "fast", there)
	r.createTablespace(0, "inplace", "")
	return r, there, here
}

func TestRebuildTablespaces(t *testing.T) {
	r, there, here := newTablespaceRig(t)
	r.explains(1, Rebuild, Undecided, "tablespace fast: "+there+" of node 1 holds files, and may be in use by node 0")
	r.maps(1, there, here)
	x, err := r.engine.Explain(t.Context(), 1, By(Rebuild))
	if err != nil || !strings.Contains(x.Reason, "tablespace fast goes to "+here) {
		t.Errorf("explained as %+v, %v", x, err)
	}
	r.rebuiltWithTablespaces(here)
	r.wantBeside("node0", "node1", "ts0", "ts1")

	// The next one goes where the node has it now.
	r.engine.cfg.TablespaceMapping = nil
	r.db.Exec(0, "UPDATE fast SET g = -g")
	r.engine.cfg.KeepOld = true
	r.primary(0)
	r.rebuiltWithTablespaces(here)
	r.wantBeside("node0", "node1", "node1.old-1", "ts0", "ts1", "ts1.old-1")
	links, err := tablespaceLinks(t.Context(), r.db.Instance(1).Machine(), r.db.Node(1).DataDirectory+".old-1")
	if got := slices.Collect(maps.Values(links)); err != nil || !slices.Equal(got, []string{here + ".old-1"}) {
		t.Errorf("the former directory has its tablespaces at %v, %v", got, err)
	}
}

func (r *rig) rebuiltWithTablespaces(here string) {
	r.t.Helper()
	if err := r.engine.RecoverBy(r.t.Context(), 1, Rebuild, nil); err != nil {
		r.t.Fatal(err)
	}
	r.db.AssertHealthy(0, 1)
	r.wantLocation(1, "fast", here)
}

// A copy that is cancelled leaves the tablespaces as they were.
func TestCancelledCopyOfTablespaces(t *testing.T) {
	r, there, here := newTablespaceRig(t)
	r.maps(1, there, here)
	r.engine.cfg.MaxRate = "32k"
	err := r.interrupt(t.Context(), func() { r.primary(cluster.NoNode) })
	if !errors.Is(err, ErrPrimaryChanged) {
		t.Errorf("got %v, want %v", err, ErrPrimaryChanged)
	}
	r.wantBeside("node0", "node1", "ts0")
}

// At each moment of the swap, the tablespaces are those of the data directory that is in
// place once the next recovery has begun.
func TestCrashInTheSwapOfTablespaces(t *testing.T) {
	r, there, here := newTablespaceRig(t)
	r.maps(1, there, here)
	r.rebuiltWithTablespaces(here)
	for _, c := range []struct {
		renames int
		by      Procedure
		beside  []string
	}{
		{0, Follow, []string{"node0", "node1", "ts0", "ts1"}},
		{1, Follow, []string{"node0", "node1", "ts0", "ts1"}},
		{2, Rebuild, []string{"node0", "node1", "node1.old-1", "ts0", "ts1", "ts1.old-1"}},
	} {
		t.Run(fmt.Sprintf("renames %d", c.renames), func(t *testing.T) {
			r := r.on(t)
			r.db.Exec(0, "UPDATE fast SET g = g + 1")
			r.db.Stop(1)
			r.survivesTheSwap(c.renames, c.by)
			r.wantLocation(1, "fast", here)
			r.wantBeside(c.beside...)
		})
	}
}

// Tablespaces that both sides have, that the primary made since they parted, and that the
// node alone made.
func TestRewindTablespaces(t *testing.T) {
	r, there, here := newTablespaceRig(t, pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "256MB"))
	r.maps(1, there, here)
	r.rebuiltWithTablespaces(here)
	r.db.Exec(1, "SELECT pg_promote()")
	r.db.Exec(0, "UPDATE fast SET g = 0")
	r.createTablespace(0, "lost", r.place("ts-lost"))
	r.db.Stop(0)
	later, mapped := r.place("ts-later"), filepath.Join(r.db.Dir(), "ts-later0")
	r.createTablespace(1, "later", later)
	r.db.Exec(1, "UPDATE fast SET g = g + 7")
	r.primary(1)
	r.members.begun = 0
	r.explains(0, Undecided, Undecided, "tablespace later: "+later+" of node 0 holds files")
	r.maps(0, later, mapped)
	lost := filepath.Join(r.db.Dir(), "ts-lost")
	r.recoversBy(0, 1, By(Undecided), "will be rewound to node 1", "tablespace later goes to "+mapped, "may be removed: "+lost)
	r.db.AssertHealthy(1, 0)
	r.wantLocation(0, "fast", there)
	r.wantLocation(0, "later", mapped)
	if _, err := os.Stat(rewindMarker(r.db.Node(0).DataDirectory)); err == nil {
		t.Error("the rewind's marker is still there")
	}
}

// A swap that came to no end is taken back whatever it had done, and again.
func TestTakeBack(t *testing.T) {
	m := machine(t)
	for done := range 3 {
		dir := filepath.Join(t.TempDir(), "ts")
		mv := move{New: dir + ".new-1", Here: dir}
		write(t, filepath.Join(mv.New, "new"), "")
		write(t, filepath.Join(dir, "old"), "")
		if err := mv.free(m); err != nil || mv.Old != dir+".old-1" {
			t.Fatalf("set aside as %q, %v", mv.Old, err)
		}
		for _, rename := range [][2]string{{mv.Here, mv.Old}, {mv.New, mv.Here}}[:done] {
			if err := m.Rename(rename[0], rename[1]); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := takeAllBack(m, []move{mv}); err != nil {
				t.Fatal(err)
			}
			if got := append(entries(t, mv.New), entries(t, dir)...); !slices.Equal(got, []string{"new", "old"}) {
				t.Errorf("after %d renames: %v", done, got)
			}
		}
	}
}
