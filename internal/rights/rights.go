package rights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Part is a part of pgherd that needs rights.
type Part int

const (
	Watch  Part = iota // who leads, who follows whom, and how far: routing depends on it
	Lead               // fail over and switch over: settings, slots, promotion
	Demote             // a switchover from a primary that cannot be stopped
	Copy               // base backups, and standbys that log in with the account
	Rewind             // pg_rewind
)

// kind is a way to hold a right.
type kind int

const (
	member kind = iota
	attribute
	execute
	view
	alterSystem
	set
	superuser
)

// Right is one thing that an account may do.
type Right struct {
	part   Part
	kind   kind
	object string
}

// Missing are the rights that an account lacks on a node, in the order of their parts.
type Missing []Right

// grantable is the first major version with GRANT ... ON PARAMETER and pg_checkpoint.
const grantable = 15

// All are the rights of version major.
func All(major int) Missing {
	list := Missing{{Watch, member, "pg_monitor"}, {Lead, attribute, "REPLICATION"}}
	for _, f := range []string{"pg_promote(boolean, integer)", "pg_reload_conf()", "pg_wal_replay_resume()", "pg_show_all_file_settings()"} {
		list = append(list, Right{Lead, execute, f})
	}
	list = append(list, Right{Lead, view, "pg_file_settings"})
	list = append(list, settings(major)...)
	list = append(list, Right{Demote, member, "pg_signal_backend"}, Right{Copy, attribute, "REPLICATION"})
	for _, f := range []string{"pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)",
		"pg_read_binary_file(text)", "pg_read_binary_file(text, bigint, bigint, boolean)"} {
		list = append(list, Right{Rewind, execute, f})
	}
	return list
}

// settings are those that a change of the primary writes, and those that keep a
// password out of the server's log.
func settings(major int) Missing {
	if major < grantable {
		return Missing{{Lead, superuser, "ALTER SYSTEM and CHECKPOINT"}}
	}
	var list Missing
	for _, p := range []string{"primary_conninfo", "primary_slot_name", "recovery_min_apply_delay", "default_transaction_read_only"} {
		list = append(list, Right{Lead, alterSystem, p})
	}
	for _, p := range []string{"log_statement", "log_min_duration_statement", "log_min_error_statement"} {
		list = append(list, Right{Lead, set, p})
	}
	return append(list, Right{Lead, member, "pg_checkpoint"})
}

// test is an SQL expression: whether the present user has r.
func (r Right) test() string {
	switch r.kind {
	case member:
		return fmt.Sprintf("pg_has_role('%s', 'USAGE')", r.object)
	case attribute:
		return "(SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user)"
	case execute:
		return fmt.Sprintf("has_function_privilege('%s', 'EXECUTE')", r.object)
	case view:
		return fmt.Sprintf("has_table_privilege('%s', 'SELECT')", r.object)
	case alterSystem:
		return fmt.Sprintf("has_parameter_privilege('%s', 'ALTER SYSTEM')", r.object)
	case set:
		return fmt.Sprintf("has_parameter_privilege('%s', 'SET')", r.object)
	}
	return "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
}

// Denied reports whether err is PostgreSQL's for want of a right (insufficient_privilege).
func Denied(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "42501"
}

// Ask asks what the account of conn lacks on its node; a superuser lacks nothing.
func Ask(ctx context.Context, conn *pgx.Conn) (Missing, error) {
	var version int
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int4").Scan(&version); err != nil {
		return nil, err
	}
	list := All(version / 10000)
	var tests []string
	for _, r := range list {
		tests = append(tests, r.test())
	}
	var has []bool
	err := conn.QueryRow(ctx, "SELECT ARRAY["+strings.Join(tests, ",\n")+"]").Scan(&has)
	if err != nil {
		return nil, fmt.Errorf("asking for the rights of the monitor's account: %w", err)
	}
	var lacks Missing
	for i, r := range list {
		if !has[i] {
			lacks = append(lacks, r)
		}
	}
	return lacks, nil
}

// For is what these parts lack.
func (m Missing) For(parts ...Part) Missing {
	var found Missing
	for _, r := range m {
		if slices.Contains(parts, r.part) {
			found = append(found, r)
		}
	}
	return found
}

// Without leaves out what pgherd has done on the node's machine instead.
func (m Missing) Without(part Part) Missing {
	return slices.DeleteFunc(slices.Clone(m), func(r Right) bool { return r.part == part && r.kind != attribute })
}
