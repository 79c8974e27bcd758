// Package server owns client sessions from accept to close.
//
// A session is what is kept for one client: its identity, its settings, its
// prepared statements, what it has seen. It lives on one loop, in that loop's
// shard. While it is idle it has no coroutine and no buffer. Its next byte
// starts a turn, which borrows both: a full-duplex pump that looks ahead in the
// client's input to know where it must go (gather), leases a server there,
// translates frames for it (encode), and passes replies back, checking each
// against a queue of what is expected. A simple Query is a batch of one; there
// is no second path. When everything is answered and no transaction or pin
// holds the server, the server goes back to its pool and the turn ends.
//
// Caveats: everything in a session belongs to its loop. Other goroutines, such
// as a cancel request's, come in through the loop's Post. A reply that was not
// expected closes both sides: a desynchronised pair returns other people's rows.
//
// # Words
//
//   - batch: a Query, a FunctionCall, or the messages of the extended protocol up
//     to Sync or Flush. One ReadyForQuery ends its answer, but behind Flush.
//   - turn: from the first byte of a request until everything is answered; it may
//     see many batches, one behind the other (a pipeline).
//   - need: what a batch asks of its node, the primary or any node fresh enough.
//   - effects: what a batch does to its session; they count when it is answered.
//   - doubt: what statements may have done to the state on the server without
//     saying so. An inquiry asks the server before anybody else may have it.
//   - pin: why a session keeps its server between transactions.
//   - loose block: a transaction block that no server is indispensable for, since
//     it has only read on standbys. The first batch that does more ties it.
//   - replay: whether the batch under way can be sent to another server, because
//     the client has seen nothing of its answer.
//   - objection, appeal: a standby refuses a statement, and the primary gets it.
//   - question: a statement that pgherd answers itself, as EXPLAIN ROUTE.
//   - orphan: a transaction whose server is gone and whose end the client owes.
//
// # Where things are
//
// The server and its clients:
//   - server.go, shard.go: all clients, and those of one loop
//   - listen.go, socket.go: listening sockets; Unix-domain sockets and their files
//   - session.go: one client
//   - profile.go: limits and timeouts of a user on a database; reload
//   - console.go: clients of the console, on goroutines of their own
//   - errors.go: what clients are told
//
// Logging in:
//   - startup.go, options.go: from the first byte to the first ReadyForQuery
//   - tls.go: encryption
//   - auth.go, auth_rule.go, auth_secret.go: the rule that applies, and the proof
//   - replication.go: a client that replicates gets a connection of its own
//
// A turn, in the order of a statement's way:
//   - turn.go, buffer.go: the pump
//   - gather.go, batch.go, remarks.go: what a batch needs and says of its node
//   - steering.go: what the session's settings say of its node
//   - lease.go: the search for a server
//   - parameters.go: settings that the server is given, parameters it reports
//   - encode.go: frames to the server
//   - queue.go: answers that are due
//   - replies.go, notification.go: frames to the client; those of LISTEN
//   - effects.go: what an answered batch has done to the session
//   - writes.go: when anybody wrote last
//
// Statements that have names:
//   - prepared.go: Parse, Bind, Close; shared names on the servers
//   - statements.go: what a session has prepared, and its limits
//   - names.go: PREPARE, EXECUTE, DEALLOCATE
//   - columns.go, editions.go: the columns that the client knows; a result that has
//     changed its type
//   - promise.go: a Parse that is answered before there is a server
//   - unsettled.go, undo.go: names in pipelines some of whose batches fail
//
// Special batches:
//   - block.go, play.go: transaction blocks that may go on elsewhere; BEGIN and
//     COMMIT that no server sees
//   - parting.go: batches that go on behind the end of a block on a standby
//   - large.go: frames that are passed on as they come
//   - question.go, explain.go, consult.go: what pgherd answers itself
//
// What may go wrong:
//   - lost.go, orphan.go: the server ends
//   - refused.go: a standby refuses a statement
//   - inquiry.go: the state on the server is in doubt
//   - recycle.go: server_reset_query, and clients that leave in order
//   - cancel.go, timeouts.go: cancel requests; what takes too long
//
// What is known of databases:
//   - catalog.go, catalog_query.go: functions, views and tables
//
// For administrators:
//   - gate.go, hold.go, suspend.go: DISABLE, PAUSE, KILL; recovery; SUSPEND
//   - headcount.go, logins.go: limits of clients, and of those that are logging in
//   - visit.go: every client is looked at, a few at a time
//   - report.go, tally.go, work.go: views and counters for the console
package server
