package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// wantMissing asserts what is missing on the server of conn, a part of each line.
func wantMissing(t *testing.T, conn *pgx.Conn, want ...string) host.Functions {
	t.Helper()
	f, err := host.FindFunctions(t.Context(), conn, host.RemoteStart)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := f.Check(); err != nil {
		got = strings.Split(err.Error(), "\n")
	}
	if len(got) != len(want) {
		t.Fatalf("missing are %q, want %q", got, want)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("missing is %q, want %q", got[i], want[i])
		}
	}
	return f
}

// What a server lacks for being worked on by SQL, from nothing at all to everything.
func TestFindFunctions(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	conn, dir := c.Conn(0), c.Node(0).DataDirectory
	c.Exec(0, "CREATE ROLE weak; GRANT CREATE ON SCHEMA public TO weak; SET ROLE weak;"+
		"CREATE FUNCTION pgpool_pgctl(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; RESET ROLE")
	wantMissing(t, conn, "no function pgpool_pgctl", "no function pgpool_remote_start", "no function pgpool_recovery", "no script pgpool_remote_start")
	c.Exec(0, "DROP FUNCTION pgpool_pgctl(text, text)")
	c.Exec(0, sql.RecoveryFunctions)
	f := wantMissing(t, conn, "no script pgpool_remote_start in the data directory "+dir)
	if f.Arguments != 7 || f.PgCtl != c.BinDir()+"/pg_ctl" || f.CannotStop() != nil || f.CannotStart() == nil {
		t.Errorf("found %+v", f)
	}
	must(t, os.WriteFile(filepath.Join(dir, host.RemoteStart), nil, 0o755))
	wantMissing(t, conn)
	c.Exec(0, "DROP FUNCTION pgpool_pgctl(text, text)")
	c.Exec(0, "CREATE SCHEMA theirs; CREATE EXTENSION pgpool_recovery SCHEMA theirs")
	wantMissing(t, conn, "pgpool_pgctl does not know the program: set pgpool.pg_ctl")
	must(t, os.WriteFile(filepath.Join(dir, "postgresql.auto.conf"), []byte("pgpool.pg_ctl = '/no/such/pg_ctl'\n"), 0o600))
	wantMissing(t, conn, "would run /no/such/pg_ctl, which is not there")
	if _, err := conn.Exec(t.Context(), "SET ROLE weak"); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, conn, "no superuser")
}

// The directory is compared by what is in it, not by its name.
func TestWorksIn(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	dir, link := c.Node(0).DataDirectory, filepath.Join(c.Dir(), "link")
	must(t, os.Symlink(dir, link))
	for path, want := range map[string]bool{dir: true, link: true, c.Dir(): false, "/no/such": false} {
		if got, err := host.WorksIn(t.Context(), c.Conn(0), path); got != want || err != nil {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}
