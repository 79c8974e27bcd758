// Package pool owns the connections to PostgreSQL and says who holds which.
//
// There is one Pool for each node, database and user (Key); Pools is all of
// them. A Server is one connection; it is idle in its pool, leased to one
// session, or kept back while a cancel request for it is under way. A session
// takes an idle Server at once with Take, or stands in line with Join; a
// returned server is handed straight to the oldest Waiter, whatever loop that
// one runs on. Limits of a database or a user are counted across pools in one
// ledger: a pool that such a limit holds back gets the place of another pool's
// idle server, or of the first that comes back. What has been set up on a
// connection travels with it: Settings and Statements.
//
// Caveats: a Server belongs to the loop of whoever holds it. Release is only
// for a connection on which ReadyForQuery 'I' was the last byte and nothing is
// outstanding; everything else is Discard. The methods of Pools may be called
// from any goroutine, those of Pool, Waiter and Server on the session's loop.
package pool
