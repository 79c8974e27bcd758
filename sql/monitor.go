package sql

import _ "embed"

// Monitor is a script for psql that makes the role which pgherd logs in to the nodes with,
// in two parts: watching, failing over; `pgherd role` prints it. Its variables are role and
// failover. internal/rights asks for the same rights.
//
//go:embed monitor.sql
var Monitor string
