package sql

import _ "embed"

// RecoveryFunctions makes the functions pgpool_recovery, pgpool_remote_start,
// pgpool_pgctl and pgpool_switch_xlog in the first schema of the search_path, with the
// arguments and results of Pgpool-II's extension pgpool_recovery 1.4, and a schema
// pgherd_recovery for what they have in common. Run it as a superuser on the primary,
// in one transaction; make install puts the same text where CREATE EXTENSION
// pgherd_recovery finds it.
//
//go:embed extension/pgherd_recovery--1.0.sql
var RecoveryFunctions string
