// Package sql holds the SQL that pgherd sends to PostgreSQL, as named files
// that are compiled in. PostgreSQL 13 to 18 understand all of it, and every
// file that does not say otherwise runs on a primary and on a standby alike.
//
//   - Probe: one row, what a node says of itself.
//   - Position: one row, one pg_lsn, the position that reads are judged by.
//   - StandbyPosition: one row, a standby's position and what it depends on.
//   - Running: one row, the transactions that a primary may not show yet.
//   - Finished: one row, which of them a standby shows.
//   - Lead: one row, whether a node takes writes, and its timeline.
//   - Replication: one row per walsender.
//   - CatalogFunctions, CatalogRelations, CatalogViews: what routing needs to know of
//     a database.
//   - RecoveryFunctions: what recovery scripts are run by; also an extension.
//   - Views: the console's views in somebody's own database, for psql.
//
// Caveat: the text is constant, and only Finished has a parameter. Nothing is ever
// pasted into it. RecoveryFunctions and Views are the only ones that change anything.
package sql

import _ "embed"

// Probe asks a node what it is. One row:
//
//	in_recovery        bool
//	system_identifier  text, as a decimal number
//	timeline           int8, a primary's current one; a standby's newest of the
//	                   walreceiver's start point and the last restartpoint,
//	                   which lags when neither has passed a switch yet
//	received           text, the end of what this node has of the log: a
//	                   standby's received or replayed position, whichever is
//	                   further; a primary's insert position
//	replayed           text, a standby's replayed position; a primary's insert position
//	receiver_status    text, pg_stat_wal_receiver.status, "" without a walreceiver
//	sender_host        text, where the walreceiver is connected, ""
//	sender_port        int4, 0
//	version_num        int4, server_version_num
//	replay_paused      bool
//
// Positions are in PostgreSQL's form and "0/0" when a standby has none. The
// columns of pg_stat_wal_receiver are only filled in for a superuser or a
// member of pg_read_all_stats (pg_monitor).
//
//go:embed probe.sql
var Probe string

// Position asks a node for its log position: where the last record before
// pg_current_wal_insert_lsn() of a primary ends, pg_last_wal_replay_lsn() of a
// standby. One row, one text column, "0/0" when a standby has replayed nothing.
//
//go:embed position.sql
var Position string

// StandbyPosition asks a standby how far it has replayed and whether it can get any
// further. One row:
//
//	position         text, pg_last_wal_replay_lsn(), "0/0" when there is none
//	paused           bool, whether a pause of replay was asked for
//	delay            float8, recovery_min_apply_delay in seconds
//	receiver_status  text, pg_stat_wal_receiver.status, "" without a walreceiver
//	sender_host      text, where the walreceiver is connected, ""
//	sender_port      int4, 0
//	timeline         int8, of the log that the walreceiver has received last, 0
//
// The position is read before the stream: what it covers was replayed by then.
//
//go:embed standby_position.sql
var StandbyPosition string

// Running asks a primary for the transactions that have an id and whose effects may
// not be visible yet, committed or not. One row, none in recovery:
//
//	next     int8, a transaction id (xid8) near theirs
//	running  int8[], their ids without the epoch (xid)
//
// A transaction that has left the list is visible to all that begin afterwards.
//
//go:embed running.sql
var Running string

// Finished asks a standby which transactions of a list ($1, int8[], the values of
// xid8) it shows as committed. One row, one int8[].
//
//go:embed finished.sql
var Finished string

// Lead asks a node whether it is in recovery (bool), and for its timeline as a
// primary (int8, 0 in recovery).
//
//go:embed lead.sql
var Lead string

// Replication asks a node who streams from it: one row per walsender.
//
//	application_name  text
//	state             text: startup, catchup, streaming, backup, stopping
//	sync_state        text: async, potential, sync, quorum
//	sent, write, flush, replay  text, positions, "0/0" when not known yet
//
// The state columns are empty unless the role is a member of
// pg_read_all_stats.
//
//go:embed replication.sql
var Replication string

// CatalogFunctions lists a database's own functions, one row for each name in a
// schema: schema and name text, volatile bool (one overload is), builtin bool
// (pg_catalog has one of the name).
//
//go:embed catalog_functions.sql
var CatalogFunctions string

// CatalogRelations lists the relations that a standby can't read, or shows otherwise
// than the primary: schema and name text, sequence bool. The others are unlogged, or
// the parents of such.
//
//go:embed catalog_relations.sql
var CatalogRelations string

// CatalogViews lists what a database's views are made of, five columns of text: the
// view's schema and name, call, relation or lock, and schema and name of the part.
//
//go:embed catalog_views.sql
var CatalogViews string
