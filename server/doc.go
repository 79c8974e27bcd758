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
package server
