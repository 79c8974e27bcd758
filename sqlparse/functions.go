package sqlparse

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed functions.txt
var functionsText string

// harmless are the built-in functions that only read, sorted. functions.sql makes
// the file and says how they were chosen.
var harmless = strings.Fields(functionsText)

// onlyReads says whether every built-in function of that name may run on a hot standby.
func onlyReads(name string) bool {
	_, found := slices.BinarySearch(harmless, name)
	return found
}

// tellsOfNode says whether a catalog view or function tells of the server or the
// session it runs in rather than of the data, so that a standby's answer would surprise.
func tellsOfNode(name string) bool {
	switch name {
	case "pg_settings", "pg_show_all_settings", "pg_file_settings", "pg_hba_file_rules",
		"pg_locks", "pg_cursors", "pg_cursor", "pg_prepared_statements", "pg_prepared_statement",
		"pg_prepared_xacts", "pg_listening_channels", "pg_replication_slots", "pg_get_replication_slots",
		"pg_replication_origin_status", "pg_backend_memory_contexts", "pg_shmem_allocations":
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
