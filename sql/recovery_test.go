package sql_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// functions is a server with the recovery functions.
type functions struct {
	t    *testing.T
	c    *pgtest.TestCluster
	conn *pgx.Conn // of a superuser
	data string    // the data directory
}

func newFunctions(t *testing.T, opts ...pgtest.Option) *functions {
	t.Helper()
	f := &functions{t: t, c: pgtest.Cluster(t, 0, opts...)}
	f.conn, f.data = f.c.Conn(0), f.c.Node(0).DataDirectory
	f.exec(sql.RecoveryFunctions)
	f.script("record", `for a in "$0" "$@"; do printf '%s\0' "$a"; done >"$PGDATA/recorded"; echo noise; exit 0`)
	f.script("pgpool_remote_start", `for a in "$0" "$@"; do printf '%s\0' "$a"; done >"$PGDATA/recorded"`)
	f.script("fails", "exit 3")
	return f
}

func (f *functions) script(name, text string) {
	f.t.Helper()
	text = "#!/bin/sh\nPGDATA='" + f.data + "'\n" + text + "\n"
	if err := os.WriteFile(filepath.Join(f.data, name), []byte(text), 0o755); err != nil {
		f.t.Fatal(err)
	}
}

func (f *functions) exec(statement string) {
	f.t.Helper()
	if _, err := f.conn.Exec(f.t.Context(), statement); err != nil {
		f.t.Fatalf("%.60s: %v", statement, err)
	}
}

// recorded are the words that a script was run with, its own name first.
func (f *functions) recorded() []string {
	f.t.Helper()
	path := filepath.Join(f.data, "recorded")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// arguments of a pgpool_recovery that Pgpool-II might send.
func arguments() []any { return []any{"record", "h 1", "/var/d", "5432", 1, "5433", "p"} }

// call gives n arguments to a function and returns what it answers.
func call[T any](conn *pgx.Conn, t *testing.T, function string, args ...any) (got T, err error) {
	t.Helper()
	marks := make([]string, len(args))
	for i := range args {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	err = conn.QueryRow(t.Context(), "SELECT "+function+"("+strings.Join(marks, ", ")+")", args...).Scan(&got)
	return got, err
}

func (f *functions) wantRecorded(function string, args []any, want []string) {
	f.t.Helper()
	if ok, err := call[bool](f.conn, f.t, function, args...); !ok || err != nil {
		f.t.Errorf("%s%q: %v, %v", function, args, ok, err)
		return
	}
	if got := f.recorded(); !slices.Equal(got, want) {
		f.t.Errorf("%s%q runs %q, want %q", function, args, got, want)
	}
}

// The scripts get the arguments that they get from Pgpool-II's library, which is
// asked too where it is installed.
func TestRecoveryScripts(t *testing.T) {
	f := newFunctions(t)
	schemas := []string{"public."}
	if f.hasLibrary() {
		f.exec("CREATE SCHEMA theirs; CREATE EXTENSION pgpool_recovery SCHEMA theirs")
		schemas = append(schemas, "theirs.")
	}
	for _, schema := range schemas {
		want := []string{f.data + "/record", f.data, "h 1", "/var/d", "5432", "1", "5433", "p"}
		for n := 3; n <= 7; n++ {
			f.wantRecorded(schema+"pgpool_recovery", arguments()[:n], want[:n+1])
		}
		f.wantRecorded(schema+"pgpool_remote_start", []any{"host", "/dir"}, []string{f.data + "/pgpool_remote_start", "host", "/dir"})
		_, err := call[bool](f.conn, t, schema+"pgpool_recovery", "fails", "h", "d")
		if err == nil || !strings.Contains(err.Error(), "pgpool_recovery failed") {
			t.Errorf("%s: a script that fails: %v", schema, err)
		}
		if got, err := call[*bool](f.conn, t, schema+"pgpool_recovery", nil, "h", "d"); got != nil || err != nil {
			t.Errorf("%s: of NULL: %v, %v", schema, got, err)
		}
	}
	if f.hasLibrary() {
		f.sameSignatures()
	}
}

func (f *functions) hasLibrary() bool {
	var there bool
	err := f.conn.QueryRow(f.t.Context(), "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgpool_recovery')").Scan(&there)
	return err == nil && there
}

func (f *functions) sameSignatures() {
	f.t.Helper()
	const list = `SELECT string_agg(proname || '(' || pg_get_function_arguments(oid) || ') ' || pg_get_function_result(oid) || proisstrict, E'\n' ORDER BY proname, pronargs)
		FROM pg_proc WHERE pronamespace = $1::regnamespace AND proname LIKE 'pgpool%'`
	var ours, theirs string
	err1 := f.conn.QueryRow(f.t.Context(), list, "public").Scan(&ours)
	err2 := f.conn.QueryRow(f.t.Context(), list, "theirs").Scan(&theirs)
	if err := errors.Join(err1, err2); err != nil || ours != theirs {
		f.t.Errorf("%v\nours:\n%s\ntheirs:\n%s", err, ours, theirs)
	}
}

// Whatever is in an argument, the script gets it as it is.
func TestHostileArguments(t *testing.T) {
	f := newFunctions(t)
	canary := filepath.Join(f.c.Dir(), "canary")
	f.exec("SET standard_conforming_strings = off; SET backslash_quote = on; SET escape_string_warning = off")
	for _, hostile := range []string{
		"'", `\'`, `'\''`, "'; touch " + canary + "; '", "$(touch " + canary + ")", "`touch " + canary + "`",
		"\n touch " + canary + "\n", `" && touch ` + canary + ` && "`, "; touch " + canary, "| touch " + canary, "$0", "*", "~", "-rf",
		"\\", "%s%n", "", " ", "'\"'\"'$(touch " + canary + ")", "\x01\x7f", "é'", "$$", "E'\\x27'",
	} {
		want := []string{f.data + "/record", f.data, hostile, hostile, hostile, "1", hostile, hostile}
		f.wantRecorded("pgpool_recovery", []any{"record", hostile, hostile, hostile, 1, hostile, hostile}, want)
		f.wantRecorded("pgpool_remote_start", []any{hostile, hostile}, []string{f.data + "/pgpool_remote_start", hostile, hostile})
		for _, args := range [][]any{{hostile, ""}, {"start", hostile + "x"}} {
			if _, err := call[bool](f.conn, t, "pgpool_pgctl", args...); !hasState(err, "22023") {
				t.Errorf("pgpool_pgctl%q: %v", args, err)
			}
		}
	}
	outside := filepath.Join(f.c.Dir(), "record")
	if err := os.WriteFile(outside, []byte("#!/bin/sh\ntouch "+canary+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../record", outside, "", ".", "..", "./record", "base/../record", "record; touch " + canary, "record\n", "base", "$(touch " + canary + ")"} {
		if _, err := call[bool](f.conn, t, "pgpool_recovery", name, "h", "d"); !hasState(err, "22023") && !hasState(err, "58P01") {
			t.Errorf("script %q: %v", name, err)
		}
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("an argument was run")
	}
	if _, err := os.Stat(filepath.Join(f.data, "recorded")); err == nil {
		t.Error("a script with another name was run")
	}
}

func hasState(err error, state string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == state
}

// Users have to be granted the functions, and what they set up changes nothing.
func TestWhoMayRecover(t *testing.T) {
	f := newFunctions(t)
	canary := filepath.Join(f.c.Dir(), "canary")
	evil := filepath.Join(f.c.Dir(), "evil")
	if err := os.WriteFile(evil, []byte("#!/bin/sh\ntouch "+canary+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.exec("CREATE ROLE u; CREATE SCHEMA u AUTHORIZATION u; SET ROLE u")
	calls := []string{
		"SELECT pgpool_recovery('record', 'h', 'd')", "SELECT pgpool_recovery('record', 'h', 'd', '1')", "SELECT pgpool_recovery('record', 'h', 'd', '1', 2)",
		"SELECT pgpool_recovery('record', 'h', 'd', '1', 2, '3')", "SELECT pgpool_recovery('record', 'h', 'd', '1', 2, '3', 'p')",
		"SELECT pgpool_remote_start('h', 'd')", "SELECT pgpool_pgctl('reload', '')", "SELECT pgpool_switch_xlog('/')",
		"SELECT pgherd_recovery.run('true')", "SELECT pgherd_recovery.run_script('x', 'record', 'd')", "SELECT pgherd_recovery.shell_words('x')", "SELECT pgherd_recovery.in_background('x')",
	}
	for _, text := range calls {
		if _, err := f.conn.Exec(t.Context(), text); !hasState(err, "42501") {
			t.Errorf("%s: %v, want 42501", text, err)
		}
	}
	f.exec("RESET ROLE; GRANT EXECUTE ON FUNCTION pgpool_recovery(text, text, text), pgpool_pgctl(text, text) TO u; SET ROLE u")
	f.exec(`CREATE FUNCTION u.replace(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT '''; touch ` + canary + `; '''::text $$;
		CREATE FUNCTION u.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'DROP SCHEMA pgherd_recovery CASCADE'::text $$;
		CREATE TEMP TABLE pg_file_settings AS SELECT 'pgpool.pg_ctl'::text AS name, '` + evil + `'::text AS setting, 1 AS seqno;
		SET search_path = pg_temp, u, pg_catalog, public; SET pgpool.pg_ctl = '` + evil + `'`)
	f.wantRecorded("pgpool_recovery", []any{"record", "h", "d"}, []string{f.data + "/record", f.data, "h", "d"})
	f.wantReloaded("pgpool_pgctl")
	if _, err := os.Stat(canary); err == nil {
		t.Error("the caller's own program was run")
	}
}

// wantReloaded asserts that the function has the server read its files again.
func (f *functions) wantReloaded(function string) {
	f.t.Helper()
	loaded := func() (at time.Time) {
		if err := f.conn.QueryRow(f.t.Context(), "SELECT pg_catalog.pg_conf_load_time()").Scan(&at); err != nil {
			f.t.Fatal(err)
		}
		return at
	}
	before := loaded()
	if ok, err := call[bool](f.conn, f.t, function, "reload", ""); !ok || err != nil {
		f.t.Fatalf("%s: %v, %v", function, ok, err)
	}
	pgtest.Await(f.t, 10*time.Second, "a reload", func() bool { return loaded().After(before) })
}

// The server that runs pg_ctl is the one that is stopped.
func TestPgctl(t *testing.T) {
	f := newFunctions(t)
	f.wantReloaded("pgpool_pgctl")
	before := f.c.Postmaster(0)
	if ok, err := call[bool](f.conn, t, "pgpool_pgctl", "restart", "fast"); (!ok || err != nil) && !f.conn.IsClosed() { // it may be quicker than its answer
		t.Fatal(ok, err)
	}
	pgtest.Await(t, 20*time.Second, "the server to be started again", func() bool {
		conn, err := f.c.Connect(t.Context(), 0, "bench")
		if err != nil {
			return false
		}
		defer conn.Close(t.Context())
		return f.c.Postmaster(0) != before
	})
}

// A stop signals the process group of the backend, and so the shell that began it.
func TestBackgroundOutlivesTheStop(t *testing.T) {
	f := newFunctions(t)
	var command string
	if err := f.conn.QueryRow(t.Context(), "SELECT pgherd_recovery.in_background('true')").Scan(&command); err != nil {
		t.Fatal(err)
	}
	for _, signal := range []string{"TERM", "QUIT", "INT"} {
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", command+"\nkill -"+signal+" $$").CombinedOutput(); err != nil {
			t.Errorf("SIG%s: %v %s", signal, err, out)
		}
	}
}

// pgpool.pg_ctl counts where the administrator has set it.
func TestPgctlOfTheConfiguration(t *testing.T) {
	f := newFunctions(t)
	f.script("my pg_ctl", `for a in "$0" "$@"; do printf '%s\0' "$a"; done >"$PGDATA/written" && mv "$PGDATA/written" "$PGDATA/recorded"`)
	conf := filepath.Join(f.data, "postgresql.auto.conf")
	if err := os.WriteFile(conf, []byte("pgpool.pg_ctl = '"+f.data+"/my pg_ctl'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, err := call[bool](f.conn, t, "pgpool_pgctl", "stop", "immediate"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	pgtest.Await(t, 10*time.Second, "the program to run", func() bool {
		_, err := os.Stat(filepath.Join(f.data, "recorded"))
		return err == nil
	})
	if got, want := f.recorded(), []string{f.data + "/my pg_ctl", "stop", "-D", f.data, "-m", "immediate"}; !slices.Equal(got, want) {
		t.Errorf("runs %q, want %q", got, want)
	}
}

func TestSwitchXlog(t *testing.T) {
	f := newFunctions(t, pgtest.WithSetting("archive_mode", "on"), pgtest.WithSetting("archive_command", "cp %p ../archive/%f"))
	dir := filepath.Join(f.c.Dir(), "archive")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, function := range []string{"pgpool_switch_xlog", "theirs.pgpool_switch_xlog"} {
		if strings.HasPrefix(function, "theirs") {
			if !f.hasLibrary() {
				break
			}
			f.exec("CREATE SCHEMA theirs; CREATE EXTENSION pgpool_recovery SCHEMA theirs")
		}
		f.exec("CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)")
		var file string
		if err := f.conn.QueryRow(t.Context(), "SELECT pg_walfile_name(pg_current_wal_insert_lsn())").Scan(&file); err != nil {
			t.Fatal(err)
		}
		got, err := call[string](f.conn, t, function, dir)
		if err != nil || got != filepath.Join(dir, file) {
			t.Errorf("%s: %q, %v, want %s there", function, got, err, file)
		}
		if _, err := os.Stat(got); err != nil {
			t.Error(err)
		}
		if _, err := call[string](f.conn, t, function, dir+"/none"); !hasState(err, "58P01") {
			t.Errorf("%s: no such directory: %v", function, err)
		}
	}
}

// The control file names the script that there is.
func TestControlFile(t *testing.T) {
	text, err := os.ReadFile("extension/pgherd_recovery.control")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "default_version = '")
	version, _, _ := strings.Cut(rest, "'")
	script, err := os.ReadFile("extension/pgherd_recovery--" + version + ".sql")
	if err != nil || string(script) != sql.RecoveryFunctions {
		t.Errorf("the script of version %q: %v", version, err)
	}
}
