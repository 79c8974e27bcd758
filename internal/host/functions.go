package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// RemoteStart is the script that starts the server of another node. Its name is fixed.
const RemoteStart = "pgpool_remote_start"

// Functions are what a server has for working on machines by SQL: those of the extension
// pgherd_recovery, or of Pgpool-II's pgpool_recovery. Names are qualified and quoted, ""
// = there is none.
type Functions struct {
	Superuser bool     // the asking role is one; otherwise nothing else is known
	Stop      string   // pgpool_pgctl: it stops this server
	Start     string   // pgpool_remote_start: it runs the script on this server
	Recovery  string   // pgpool_recovery: it runs any script on this server
	Arguments int      // of Recovery, the overload with the most
	Directory string   // data_directory
	PgCtl     string   // the program that Stop runs, "" when it is not set
	NoPgCtl   bool     // there is no such file
	Missing   []string // scripts that are not in Directory
}

// Of superusers' functions only: others could lay a trap for whoever calls them. The C
// library knows its pg_ctl by a setting alone.
const (
	functionsOf = `
SELECT p.proname::text, quote_ident(n.nspname) || '.' || p.proname, p.pronargs::int, l.lanname = 'c'
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
       JOIN pg_language l ON l.oid = p.prolang
 WHERE o.rolsuper AND has_function_privilege(p.oid, 'EXECUTE')
   AND (p.proname IN ('pgpool_pgctl', 'pgpool_remote_start') AND oidvectortypes(p.proargtypes) = 'text, text'
        OR p.proname = 'pgpool_recovery' AND p.pronargs >= 3
           AND starts_with('text, text, text, text, integer, text, text', oidvectortypes(p.proargtypes)))
 ORDER BY pg_function_is_visible(p.oid) DESC, n.nspname, p.pronargs DESC`
	superuserOf = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
	programOf   = `
SELECT current_setting('data_directory'), coalesce(
    (SELECT setting FROM pg_file_settings WHERE lower(name) = 'pgpool.pg_ctl' ORDER BY seqno DESC LIMIT 1),
    (SELECT setting || '/pg_ctl' FROM pg_config WHERE name = 'BINDIR' AND NOT $1), '')`
	missingOf = `
SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS t (name, n)
 WHERE NOT EXISTS (SELECT FROM pg_stat_file(current_setting('data_directory') || '/' || name, true) AS f WHERE NOT f.isdir)
 ORDER BY n`
)

// FindFunctions asks what the server of conn has, and which of scripts are missing in its
// data directory. The connection must be to the database that has the functions.
func FindFunctions(ctx context.Context, conn *pgx.Conn, scripts ...string) (f Functions, err error) {
	if err := conn.QueryRow(ctx, superuserOf).Scan(&f.Superuser); err != nil || !f.Superuser {
		return f, err
	}
	library, err := f.find(ctx, conn)
	if err != nil {
		return f, err
	}
	if err := conn.QueryRow(ctx, programOf, library).Scan(&f.Directory, &f.PgCtl); err != nil {
		return f, err
	}
	if err := conn.QueryRow(ctx, "SELECT (pg_stat_file($1, true)).size IS NULL", f.PgCtl).Scan(&f.NoPgCtl); err != nil {
		return f, err
	}
	rows, err := conn.Query(ctx, missingOf, append([]string{}, scripts...))
	if err != nil {
		return f, err
	}
	f.Missing, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return f, err
}

// find takes the first of each name, and tells whether Stop is of the C library.
func (f *Functions) find(ctx context.Context, conn *pgx.Conn) (library bool, err error) {
	rows, err := conn.Query(ctx, functionsOf)
	if err != nil {
		return false, err
	}
	var name, qualified string
	var arguments int
	var c bool
	_, err = pgx.ForEachRow(rows, []any{&name, &qualified, &arguments, &c}, func() error {
		switch {
		case name == RemoteStart:
			f.Start = cmp.Or(f.Start, qualified)
		case name == "pgpool_recovery" && f.Recovery == "":
			f.Recovery, f.Arguments = qualified, arguments
		case name == "pgpool_pgctl" && f.Stop == "":
			f.Stop, library = qualified, c
		}
		return nil
	})
	return library, err
}

// CannotStop is what keeps this server from being stopped, with what to do; nil for nothing.
func (f Functions) CannotStop() error {
	switch {
	case !f.Superuser:
		return errNoSuperuser
	case f.Stop == "":
		return missingFunction("pgpool_pgctl")
	case f.PgCtl == "":
		return errors.New("pgpool_pgctl does not know the program: set pgpool.pg_ctl in postgresql.conf to the path of pg_ctl")
	case f.NoPgCtl:
		return fmt.Errorf("pgpool_pgctl would run %s, which is not there: set pgpool.pg_ctl in postgresql.conf to the path of pg_ctl", f.PgCtl)
	}
	return nil
}

// CannotStart is what keeps this server from starting others, with what to do. RemoteStart
// must have been among the scripts that were looked for.
func (f Functions) CannotStart() error {
	switch {
	case !f.Superuser:
		return errNoSuperuser
	case f.Start == "":
		return missingFunction(RemoteStart)
	case len(f.Missing) > 0:
		return f.missingScript(f.Missing[0])
	}
	return nil
}

// Check is all that is missing for stopping this server, for starting others and for
// recovering them by the scripts that were looked for; nil for nothing.
func (f Functions) Check() error {
	if !f.Superuser {
		return errNoSuperuser
	}
	found := []error{f.CannotStop()}
	if f.Start == "" {
		found = append(found, missingFunction(RemoteStart))
	}
	if f.Recovery == "" {
		found = append(found, missingFunction("pgpool_recovery"))
	}
	for _, name := range f.Missing {
		found = append(found, f.missingScript(name))
	}
	return errors.Join(found...)
}

func (f Functions) missingScript(name string) error {
	return fmt.Errorf("there is no script %s in the data directory %s: put it there, executable for the owner of the server", name, f.Directory)
}

// WorksIn reports whether directory is the one that the server of conn works in, as
// far as its superuser sees: by any path.
func WorksIn(ctx context.Context, conn *pgx.Conn, directory string) (same bool, err error) {
	err = conn.QueryRow(ctx, `SELECT coalesce(pg_read_file($1 || '/postmaster.pid', 0, 1000, true)
		= pg_read_file(current_setting('data_directory') || '/postmaster.pid', 0, 1000, true), false)`, directory).Scan(&same)
	return same, err
}

var errNoSuperuser = errors.New("its user is no superuser: set recovery.recovery_user and recovery_password")

func missingFunction(name string) error {
	return fmt.Errorf("there is no function %s of a superuser: CREATE EXTENSION pgherd_recovery (or pgpool_recovery), or set recovery.recovery_database", name)
}

// StopServer begins a fast shutdown of the server of conn, and returns at once. The
// server is marked before: when it is started next it is a standby.
func (f Functions) StopServer(ctx context.Context, conn *pgx.Conn) error {
	if err := f.CannotStop(); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, program("touch standby.signal")); err != nil {
		return err
	}
	return f.call(ctx, conn, f.Stop, "stop", "fast")
}

// Unmark takes back that the server of conn, a primary, is a standby when it is started next.
func Unmark(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, program("rm -f standby.signal"))
	return err
}

// program runs a command in the data directory of a superuser's server.
func program(command string) string {
	return "COPY (SELECT 1 WHERE false) TO PROGRAM '" + command + "'"
}

// StartRemote has the script of the server of conn start another one.
func (f Functions) StartRemote(ctx context.Context, conn *pgx.Conn, n cluster.Node) error {
	if err := f.CannotStart(); err != nil {
		return err
	}
	return f.call(ctx, conn, f.Start, ScriptHost(n), n.DataDirectory)
}

// ScriptHost is what a script may connect to: the directory of a socket is none.
func ScriptHost(n cluster.Node) string {
	if strings.HasPrefix(n.Host, "/") {
		return "localhost"
	}
	return n.Host
}

func (f Functions) call(ctx context.Context, conn *pgx.Conn, function string, args ...any) error {
	var ok bool
	err := conn.QueryRow(ctx, "SELECT "+function+"($1, $2)", args...).Scan(&ok)
	if err == nil && !ok {
		err = fmt.Errorf("%s returned false", function)
	}
	return err
}
