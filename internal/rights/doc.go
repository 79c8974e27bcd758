// Package rights knows what the monitor's account needs on the nodes, and by which GRANT
// it gets that. Ask asks a node what its account lacks: Missing. For picks what matters
// to some parts of pgherd, Problem and Remedy put it into words.
//
// sql/monitor.sql grants all of it. Roles, attributes and parameters are the cluster's;
// functions and views are granted in the database that the monitor connects to. Standbys
// have what the primary has.
//
// Caveat: PostgreSQL 13 and 14 cannot grant ALTER SYSTEM, SET of log_* and CHECKPOINT;
// there whoever lacks these is told to be a superuser.
package rights
