// Package reactor runs sequential functions as coroutines on event loops.
//
// There are four types. A Loop waits for sockets and resumes whoever waits for
// them; there are a few of them in a Group, each on a goroutine of its own. A
// Task is a coroutine: a plain function that may Wait. A Conn is a non-blocking
// socket of one loop. While a Conn is attached to a Task, its events resume
// that task; while it is idle it owns no stack at all, and the first event
// starts its handler on a pooled coroutine.
//
// A loop hears of its sockets through io_uring while much is to do, and through
// epoll while little is, or where the kernel has no io_uring for us (carry.go).
// Conns behave the same on both.
//
// A Conn may be encrypted: Task.Encrypt carries out a server's handshake, Secure
// takes over a connection that was encrypted before. Everything else is as in
// plain text.
//
// Caveats:
//   - A Task, and everything reached from it, belongs to its loop. Other
//     goroutines come in through Loop.Post only.
//   - Never block in a Task: no channel, no lock held across a Wait, no dial, no
//     file. Await runs such work on an ordinary goroutine.
//   - Wakes may be spurious. Every Wait stands in a loop that checks what it
//     waits for.
//   - TryRead and TryWrite are edge-triggered: after "would block" an event
//     follows; after anything else none may, so go on until they would block or
//     look at Readable.
package reactor
