package pool

import (
	"slices"

	"github.com/pgherd/pgherd/internal/reactor"
)

// Waiter is a place in a pool's line. It belongs to its task's loop.
type Waiter struct {
	pool   *Pool
	task   *reactor.Task
	server *Server
	err    error
	phase  phase
	number uint64 // of its place among the waiters of all pools
	since  uint32 // tick
}

type phase int

const (
	waiting phase = iota
	served        // a server or an error has come
	left          // the task has gone away
)

// Done reports whether a server or an error has come.
func (w *Waiter) Done() bool { return w.phase == served }

// Server is what has come. The error is ErrRetired, a *DialError, or one of
// moving the connection.
func (w *Waiter) Server() (*Server, error) { return w.server, w.err }

// Cancel leaves the line. A server that is on its way goes back.
func (w *Waiter) Cancel() {
	if w.phase == served && w.server != nil {
		w.pool.Release(w.server)
	}
	w.phase = left
	p := w.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiters = slices.DeleteFunc(p.waiters, func(x *Waiter) bool { return x == w })
}

// deliver is called on the task's loop.
func (w *Waiter) deliver(s *Server, err error) {
	if w.phase == left {
		if s != nil {
			w.pool.Release(s)
		}
		return
	}
	w.server, w.err, w.phase = s, err, served
	w.task.Wake()
}
