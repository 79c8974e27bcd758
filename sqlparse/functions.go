package sqlparse

import (
	_ "embed"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

//go:embed functions.txt
var functionsText string

// harmless are the built-in functions that only read, sorted. functions.sql makes
// the file and says how they were chosen.
var harmless = strings.Fields(functionsText)

//go:embed functions_primary.txt
var primaryText string

// primaryOnly are the other built-in functions, sorted: those that write, that a hot
// standby refuses, or that nobody vouches for.
var primaryOnly = strings.Fields(primaryText)

// isBuiltIn says whether a name is one of PostgreSQL's own. Newer versions may have
// more, but their names begin with pg_ mostly.
func isBuiltIn(name string) bool {
	_, found := slices.BinarySearch(primaryOnly, name)
	return found || OnlyReads(name) || strings.HasPrefix(name, "pg_")
}

// OnlyReads says whether every built-in function of that name may run on a hot standby.
func OnlyReads(name string) bool {
	_, found := slices.BinarySearch(harmless, name)
	return found
}

// TellsOfNode says whether a catalog view or function tells of the server or the
// session it runs in rather than of the data, so that a standby's answer would surprise.
func TellsOfNode(name string) bool {
	switch name {
	case "pg_settings", "pg_show_all_settings", "pg_file_settings", "pg_hba_file_rules",
		"pg_locks", "pg_cursors", "pg_cursor", "pg_prepared_statements", "pg_prepared_statement",
		"pg_prepared_xacts", "pg_listening_channels", "pg_replication_slots", "pg_get_replication_slots",
		"pg_replication_origin_status", "pg_backend_memory_contexts", "pg_shmem_allocations",
		"pg_sequences": // the log runs ahead of a sequence, and standbys with it
		return true
	}
	return strings.HasPrefix(name, "pg_stat_") || strings.HasPrefix(name, "pg_statio_")
}

// takesSessionLock says whether a function takes an advisory lock that outlives the transaction.
func takesSessionLock(name string) bool {
	switch name {
	case "pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared":
		return true
	}
	return false
}

// boundToTransaction says whether a built-in function, called with so many arguments,
// asks for something of the transaction or its server: another one would answer
// otherwise, even where both see the same data.
func boundToTransaction(name string, args int) bool {
	switch name {
	case "now", "transaction_timestamp", "pg_backend_pid", "pg_is_in_recovery", "current_setting",
		"inet_server_addr", "inet_server_port", "inet_client_addr", "inet_client_port",
		"txid_current", "txid_current_if_assigned", "txid_current_snapshot",
		"pg_current_xact_id", "pg_current_xact_id_if_assigned", "pg_current_snapshot",
		"pg_export_snapshot", "pg_my_temp_schema", "pg_trigger_depth", "pg_last_wal_receive_lsn",
		"pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp", "pg_postmaster_start_time", "pg_conf_load_time":
		return true
	case "age": // from today's midnight
		return args == 1
	}
	return false
}

// isClock says whether one of SQL's values without brackets is the time at which the
// transaction began.
func isClock(op pg.SQLValueFunctionOp) bool {
	switch op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE,
		pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N,
		pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N,
		pg.SQLValueFunctionOp_SVFOP_LOCALTIME, pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N,
		pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP, pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		return true
	}
	return false
}
