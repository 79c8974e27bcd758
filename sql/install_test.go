package sql_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// TestInstall: CREATE EXTENSION finds what make install has installed. It goes below a
// DESTDIR, with the server's program, which looks for its files relative to itself.
func TestInstall(t *testing.T) {
	out, err := exec.Command("make", "-n", "-C", "..", "install", "DESTDIR=/d").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "DESTDIR=/d scripts/install-extension.sh") {
		t.Fatalf("make install does not install the extension: %v\n%s", err, out)
	}
	c := pgtest.Cluster(t, 0)
	dest := filepath.Join(c.Dir(), "dest")
	moveServer(t, c, dest)
	install := exec.Command("../scripts/install-extension.sh")
	install.Env = append(os.Environ(), "DESTDIR="+dest)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.Stop(0)
	said, err := c.Instance(0).Machine().Run(t.Context(), host.Command{Path: dest + c.BinDir() + "/postgres",
		Args: []string{"--single", "-D", c.Node(0).DataDirectory, "bench"}, Stdin: strings.NewReader("CREATE EXTENSION pgherd_recovery\n")})
	if err != nil {
		t.Fatal(err)
	}
	c.Start(0)
	var members int
	err = c.Conn(0).QueryRow(t.Context(), `SELECT count(*) FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid
		WHERE e.extname = 'pgherd_recovery' AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass`).Scan(&members)
	if err != nil || members < 8 {
		t.Errorf("the extension has %d functions, %v\n%s", members, err, said)
	}
}

// moveServer puts a copy of the server's program below dest, and everything else that
// it looks for by links.
func moveServer(t *testing.T, c *pgtest.TestCluster, dest string) {
	t.Helper()
	var share string
	if err := c.Conn(0).QueryRow(t.Context(), "SELECT setting FROM pg_config WHERE name = 'SHAREDIR'").Scan(&share); err != nil {
		t.Fatal(err)
	}
	link(t, c.BinDir(), dest, "postgres")
	link(t, filepath.Dir(c.BinDir()), dest, "bin")
	link(t, share, dest, "extension")
	link(t, filepath.Join(share, "extension"), dest, "pgherd_recovery.control", "pgherd_recovery--1.0.sql")
	if out, err := exec.Command("cp", filepath.Join(c.BinDir(), "postgres"), dest+c.BinDir()).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// link links what is in a directory to the same place below dest.
func link(t *testing.T, dir, dest string, but ...string) {
	t.Helper()
	if err := os.MkdirAll(dest+dir, 0o755); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if slices.Contains(but, e.Name()) {
			continue
		}
		if err := os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(dest+dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}
