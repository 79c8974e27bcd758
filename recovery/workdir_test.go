package recovery

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/host"
)

func machine(t *testing.T) host.Machine {
	t.Helper()
	m, err := host.LocalUser("postgres")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestSweepRemovesOnlyMarkedDirectories(t *testing.T) {
	m, dir := machine(t), filepath.Join(t.TempDir(), "n1")
	crashed := newWorkdir(m, dir, time.Unix(1000, 0))
	if err := crashed.claim(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(crashed.path, "base", "1"), "half a copy")
	write(t, dir+".new-mine/file", "made by somebody else")
	write(t, dir+".old-1/file", "former")
	write(t, dir+"/file", "data")
	write(t, filepath.Join(filepath.Dir(dir), "n10.new-x.pgherd"), "of another node")
	removed, err := sweep(m, dir)
	if err != nil || !slices.Equal(removed, []string{crashed.path}) {
		t.Errorf("removed %v, %v; want only %s", removed, err, crashed.path)
	}
	want := []string{"n1", "n1.new-mine", "n1.old-1", "n10.new-x.pgherd"}
	if got := entries(t, filepath.Dir(dir)); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestSweepWithoutParent(t *testing.T) {
	if removed, err := sweep(machine(t), filepath.Join(t.TempDir(), "missing", "n1")); err != nil || removed != nil {
		t.Errorf("got %v, %v, want nothing to do", removed, err)
	}
}

func TestClassify(t *testing.T) {
	m, dir := machine(t), t.TempDir()
	write(t, filepath.Join(dir, "cluster", "PG_VERSION"), "15\n")
	write(t, filepath.Join(dir, "half", "base", "1"), "")
	write(t, filepath.Join(dir, "home", "letter.txt"), "")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("cluster", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Directory{
		"cluster": DirDamaged, "half": DirDamaged, "home": DirOther, "empty": DirMissing, "none": DirMissing, "link": DirLink,
	} {
		if got, err := classify(m, filepath.Join(dir, name)); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	if got := majorVersion(m, filepath.Join(dir, "cluster")); got != 15 {
		t.Errorf("major version %d, want 15", got)
	}
}

func TestOwnSettings(t *testing.T) {
	m, dir, target := machine(t), t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "pg_hba.conf"), "local all all trust")
	if own := ownSettings(m, dir); len(own) != 0 {
		t.Errorf("took %v without a postgresql.conf", own)
	}
	write(t, filepath.Join(dir, "postgresql.conf"), "port = 5433\n")
	write(t, filepath.Join(dir, "conf.d", "memory.conf"), "work_mem = '7MB'\n")
	write(t, filepath.Join(dir, "recovery.conf"), "")
	write(t, filepath.Join(dir, "PG_VERSION"), "15\n")
	if err := ownSettings(m, dir).write(m, target); err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, target), []string{"conf.d", "pg_hba.conf", "postgresql.conf"}; !slices.Equal(got, want) {
		t.Errorf("wrote %v, want %v", got, want)
	}
	checkMemoryConf(t, target)
}

func checkMemoryConf(t *testing.T, target string) {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(target, "conf.d", "memory.conf")); err != nil || string(text) != "work_mem = '7MB'\n" {
		t.Errorf("conf.d/memory.conf: %q, %v", text, err)
	}
}

func TestOwnSettingsOutside(t *testing.T) {
	m, dir, target := machine(t), t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "postmaster.opts"), `/usr/bin/postgres "-D" "/d" "-c" "config_file=/etc/n1.conf"`)
	write(t, filepath.Join(target, "postgresql.conf"), "port = 5432 # the primary's\n")
	if err := ownSettings(m, dir).write(m, target); err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, target), []string{"postmaster.opts"}; !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
	write(t, filepath.Join(target, "postgresql.conf"), "port = 5432\n")
	if err := (settings{}).write(m, target); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, target); !slices.Contains(got, "postgresql.conf") {
		t.Errorf("left %v: a node without settings lost the primary's", got)
	}
}

// /proc is a mount point on every Linux.
func TestIsMountPoint(t *testing.T) {
	m, dir := machine(t), t.TempDir()
	for path, want := range map[string]bool{"/proc": true, dir: false, filepath.Join(dir, "missing"): false} {
		if got := isMountPoint(t.Context(), m, path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// Only what the interrupted swap itself has set aside goes back.
func TestPutBack(t *testing.T) {
	m := machine(t)
	for name, c := range map[string]struct {
		before []string // the swap; nil while it had not begun
		want   string
	}{
		"a copy":                        {nil, ""},
		"a swap":                        {[]string{"n1.old-2"}, "n1.old-1"},
		"a swap that set nothing aside": {[]string{"n1.old-1", "n1.old-2"}, ""},
	} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "n1")
		write(t, dir+".old-1/file", "")
		write(t, dir+".old-2/file", "")
		write(t, dir+".old-mine/file", "")
		w := newWorkdir(m, dir, time.Unix(1000, 0))
		err := w.claim()
		for i := range c.before {
			c.before[i] = filepath.Join(parent, c.before[i])
		}
		if c.before != nil {
			err = errors.Join(err, w.beginSwap(c.before))
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, w.path+"/file", "")
		got, err := putBack(t.Context(), m, dir)
		if err != nil || strings.TrimPrefix(got, parent+"/") != c.want {
			t.Errorf("%s: put back %q, %v; want %q", name, got, err, c.want)
		}
	}
}
