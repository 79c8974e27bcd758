// Package host is everything pgherd does to a node other than through SQL: run
// a command on the node's machine, and start, stop, copy and re-point the
// PostgreSQL instance there.
//
// A Machine runs commands and touches files as the owner of the data directory:
// Local makes this one, Over another one that the system's ssh leads to. A
// Command is one program to run. An Instance is one data directory and the
// PostgreSQL programs that work on it. Control is what pg_controldata says of
// it. BaseBackup and InitDB say how to make a new one. Where there is no Machine,
// Functions are what SQL functions of the servers can do instead.
//
// Caveats. The directory must not be shared with another manager that starts
// servers or edits postgresql.auto.conf; Follow and Configure own only the
// parameters they are given. An Instance expects postgresql.conf inside the
// data directory, unless postmaster.opts names another one (Debian's packages
// keep it in /etc/postgresql). A cancelled Start leaves the server starting:
// the postmaster is in a session of its own. Stop(Immediate) may end in
// SIGKILL, for processes named postgres or postmaster that work in the data
// directory and for no others; a System V segment of a killed server stays until
// the next start. Linux only (5.3): processes are looked up in /proc and held by
// pidfd. Another machine needs a POSIX shell and the GNU tools (coreutils,
// findutils), and ssh's user there is the owner of the data directory.
package host
