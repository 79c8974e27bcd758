package pool

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
)

// ErrRetired is what waiters get when their node, or pool, goes out of use: decide anew.
var ErrRetired = errors.New("the node went out of use")

// Key names a pool.
type Key struct {
	Node           cluster.NodeID
	Database, User string
}

// Pool is the connections to one node as one user of one database.
type Pool struct {
	key      Key
	dial     func(*reactor.Loop) // starts to connect; calls dialed when it has
	tick     func() uint32       // seconds, roughly
	ledger   *ledger
	makeRoom func(*Pool)
	lost     func(*Server, error) // reports a connection that has ended by itself

	mu         sync.Mutex // guards what follows
	limits     Limits
	idle       [][]*Server // by loop; the last was used last
	waiters    []*Waiter   // the first has waited longest
	open       int         // connections, and those being made
	dialing    int
	checking   int // of leased: see check
	leased     int
	generation int
	outdated   int // of open: from before the present generation
	paused     bool
	watches    []watch
	home       *reactor.Loop // of who stood in line last; nil while the node is not used
	asked      uint32        // tick of who stood in line last, or of its making
	gone       bool          // there may be another one of its key: see vacate

	unreachable bool // as of the last dial
	refusal     refusal
}

// Take leases an idle connection of loop l; nil when there is none.
func (p *Pool) Take(l *reactor.Loop) *Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiters) > 0 {
		return nil // they were here first
	}
	return p.takeLocked(l.Index())
}

func (p *Pool) takeLocked(loop int) *Server {
	if list := p.idle[loop]; len(list) == 0 || p.staleLocked(list[len(list)-1]) {
		return nil
	}
	return p.popLocked(loop)
}

// popLocked leases the connection of a loop that was used last.
func (p *Pool) popLocked(loop int) *Server {
	list := p.idle[loop]
	s := list[len(list)-1]
	p.idle[loop] = list[:len(list)-1]
	p.leaseLocked(s)
	return s
}

func (p *Pool) leaseLocked(s *Server) {
	s.state = leased
	s.leases++
	p.leased++
}

// Join puts a task into the line. The Waiter wakes the task when it is Done.
func (p *Pool) Join(t *reactor.Task) *Waiter {
	w := &Waiter{pool: p, task: t}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.stealLocked(); s != nil {
		post(s.Conn.Loop(), func() { p.move(s, w) })
		return w
	}
	if p.gone {
		w.err, w.phase = ErrRetired, served
		return w
	}
	p.home, p.asked = t.Loop(), p.tick()
	if err := p.refusedLocked(); err != nil {
		w.err, w.phase = err, served
		return w
	}
	w.number, w.since = p.ledger.sequence.Add(1), p.tick()
	p.waiters = append(p.waiters, w)
	p.checkLocked()
	p.growLocked(t.Loop())
	return w
}

// stealLocked takes an idle connection from any loop.
func (p *Pool) stealLocked() *Server {
	if len(p.waiters) > 0 {
		return nil
	}
	for i := range p.idle {
		if s := p.takeLocked(i); s != nil {
			return s
		}
	}
	return nil
}

// post runs f on loop l, which may be the present one. When l has ended, nobody
// is left to mind.
func post(l *reactor.Loop, f func()) { _ = l.Post(f) }

// Release gives back a connection in perfect order.
func (p *Pool) Release(s *Server) {
	s.Conn.Idle(s.watcher)
	p.mu.Lock()
	p.leased--
	p.settledLocked()
	w := p.placeLocked(s)
	unfit := s.state == abandoned
	p.mu.Unlock()
	switch {
	case w != nil:
		p.hand(s, w)
	case unfit:
		p.close(s)
	}
}

// placeLocked finds s its next place: with a waiter, who is returned, in the
// list, on hold, or nowhere.
func (p *Pool) placeLocked(s *Server) *Waiter {
	switch {
	case s.generation != p.generation || s.Conn.Closed() || s.expired(p.tick()) || p.open > p.limits.Size+p.limits.ReserveSize:
		s.state = abandoned
	case s.cancels > 0:
		s.state = held
	case p.yieldsLocked():
		s.state = abandoned
	case len(p.waiters) > 0:
		w := p.waiters[0]
		p.waiters = slices.Delete(p.waiters, 0, 1)
		p.leaseLocked(s)
		return w
	default:
		s.state, s.returned = idle, p.tick()
		i := s.Conn.Loop().Index()
		p.idle[i] = append(p.idle[i], s)
	}
	return nil
}

// Discard closes a leased connection that must not be used again.
func (p *Pool) Discard(s *Server) {
	p.mu.Lock()
	if s.state == leased {
		p.leased--
		p.settledLocked()
	}
	s.state = abandoned
	p.mu.Unlock()
	p.close(s)
}

func (p *Pool) close(s *Server) {
	l := s.Conn.Loop()
	s.Conn.Close()
	p.mu.Lock()
	p.closedLocked(s.generation)
	p.mu.Unlock()
	p.freed(l)
}

// withdraw takes an idle connection out of the list, as if it were leased.
func (p *Pool) withdraw(s *Server) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.state != idle {
		return false
	}
	i := s.Conn.Loop().Index()
	p.idle[i] = slices.DeleteFunc(p.idle[i], func(x *Server) bool { return x == s })
	p.leaseLocked(s)
	return true
}

// hand gives s, which is leased already, to w.
func (p *Pool) hand(s *Server, w *Waiter) {
	if s.Conn.Loop() == w.task.Loop() {
		w.deliver(s, nil)
		return
	}
	p.move(s, w)
}

// move takes s from its loop, on which it is called, to the waiter's.
func (p *Pool) move(s *Server, w *Waiter) {
	s.Conn.Idle(nil)
	s.Conn.Leave()
	post(w.task.Loop(), func() {
		if err := s.Conn.Join(w.task.Loop()); err != nil {
			p.Discard(s)
			w.deliver(nil, err)
			return
		}
		w.deliver(s, nil)
	})
}

// dialed takes the outcome of one dial, on the loop l that asked for it.
func (p *Pool) dialed(l *reactor.Loop, s *Server, generation int, err error, retry time.Duration) {
	p.mu.Lock()
	p.dialing--
	p.rememberLocked(err, retry)
	if err != nil {
		p.closedLocked(generation)
		var failed []*Waiter
		if p.open == p.dialing { // nobody will return one either
			failed, p.waiters = p.waiters, nil
		}
		p.mu.Unlock()
		failAll(failed, err)
		p.missed(l)
		return
	}
	s.generation, s.expires = generation, p.expiry()
	p.leaseLocked(s)
	p.mu.Unlock()
	p.Release(s)
	p.grow(l) // it was one at a time so far
}

func failAll(waiters []*Waiter, err error) {
	for _, w := range waiters {
		post(w.task.Loop(), func() { w.deliver(nil, err) })
	}
}

// closedLocked counts one connection less.
func (p *Pool) closedLocked(generation int) {
	p.open--
	if generation != p.generation {
		p.outdated--
		p.settledLocked()
	}
}

// retire is renew for a node that goes out of use: the waiters are sent away.
func (p *Pool) retire() {
	p.mu.Lock()
	p.renewLocked()
	p.home = nil
	failed := p.waiters
	p.waiters = nil
	p.mu.Unlock()
	failAll(failed, ErrRetired)
}

// renewLocked closes what is idle, and has what is leased closed when it comes
// back.
func (p *Pool) renewLocked() {
	p.generation++
	p.outdated = p.open
	p.unreachable, p.refusal = false, refusal{}
	for i := range p.idle {
		for _, s := range p.idle[i] {
			p.leaseLocked(s)
			post(s.Conn.Loop(), func() { p.Discard(s) })
		}
		p.idle[i] = nil
	}
}

// watch waits for a state of the pool.
type watch struct {
	over    func(*Pool) bool // with the mutex held
	settled chan struct{}
}

func (p *Pool) quietLocked() bool   { return p.leased == 0 }
func (p *Pool) renewedLocked() bool { return p.outdated == 0 }

// settledLocked tells those who wait for such a state.
func (p *Pool) settledLocked() {
	if len(p.watches) == 0 {
		return
	}
	p.watches = slices.DeleteFunc(p.watches, func(w watch) bool {
		if !w.over(p) {
			return false
		}
		close(w.settled)
		return true
	})
}

// await is closed as soon as the pool is in that state.
func (p *Pool) await(over func(*Pool) bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := watch{over, make(chan struct{})}
	p.watches = append(p.watches, w)
	p.settledLocked()
	return w.settled
}
