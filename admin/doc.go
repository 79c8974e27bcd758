// Package admin is the console: the virtual database in which pgherd is
// watched and commanded in SQL.
//
// A Console is made once and serves any number of sessions, each on an ordinary
// goroutine. A command is one value of a table: the words it begins with, its
// help, the privilege it needs, its columns and a parse function that turns the
// rest of the statement into something to run. Each lives in a file of its own.
// A simple Query is a batch of one: it is prepared, bound and executed by the
// code that serves Parse, Bind and Execute.
//
// A command runs on a goroutine of its own while the session's goroutine passes
// its notices on and listens for a cancel request, for a vanished client and for
// shutdown; it always waits for the command to return.
//
// Caveats:
//   - A view is described once and serves both SHOW and SELECT; SHOW prints times
//     and booleans as Pgpool-II and PgBouncer do. Queries are internal/livesql's, and
//     so is COPY ... TO STDOUT.
//   - A query string is parsed whole before anything of it runs, as PostgreSQL
//     does: a syntax error in its last statement means that none was carried out.
//   - BEGIN, COMMIT and ROLLBACK are accepted because drivers send them. They do
//     not make commands atomic: ROLLBACK does not undo a PROMOTE NODE.
//   - A client that sends a command and leaves without waiting for the answer
//     cancels it.
package admin
