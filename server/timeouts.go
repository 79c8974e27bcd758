package server

import (
	"time"

	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// Timeouts cost a statement nothing but a counter: a sweep over the shard's
// sessions, ten times in the shortest timeout, sees who is still where it was.

// sweepsPerTimeout: a timeout ends at most two parts of this many late.
const sweepsPerTimeout = 10

const shortestSweep = 10 * time.Millisecond

// beats are counted by the session itself, for the sweeps to compare.
type beats struct {
	turns   uint32
	answers uint32 // ReadyForQuery
	rests   uint32 // those outside a transaction
}

// stopwatch is what the sweeps have seen of a session.
type stopwatch struct {
	query, transaction, silence stretch
	overdue                     overdue
}

// overdue is what became of a statement that has run for too long.
type overdue int

const (
	inTime   overdue = iota
	canceled         // the node was asked to cancel it
)

// stretch is a time during which a session stays in one state.
type stretch struct {
	mark  uint32    // the beat that would have ended it
	since time.Time // zero: not in that state
}

// lasts is for how long the state has been seen.
func (x *stretch) lasts(on bool, mark uint32, now time.Time) time.Duration {
	switch {
	case !on:
		x.since = time.Time{}
		return 0
	case x.since.IsZero() || x.mark != mark:
		x.mark, x.since = mark, now
	}
	return now.Sub(x.since)
}

// expired reports whether a timeout, if there is one, is over.
func expired(lasted, timeout time.Duration) bool { return timeout > 0 && lasted >= timeout }

// watchTime has the sweeps look after a session, if it has timeouts.
func (sh *shard) watchTime(s *session) {
	least := s.profile.shortest()
	if least == 0 {
		s.watch = nil
		return
	}
	if s.watch == nil {
		s.watch = &stopwatch{}
	}
	period := max(least/sweepsPerTimeout, shortestSweep)
	switch {
	case sh.sweeper == nil:
		sh.sweepEvery = period
		sh.loop.Go(sh.sweeps)
	case period < sh.sweepEvery:
		sh.sweepEvery = period
		sh.sweeper.Wake()
	}
}

// sweeps goes on for as long as there are sessions with timeouts.
func (sh *shard) sweeps(t *reactor.Task) {
	sh.sweeper = t
	for sh.sweepEvery > 0 {
		t.Wait(time.Now().Add(sh.sweepEvery))
		sh.sweepEvery = sh.sweep(time.Now())
	}
	sh.sweeper = nil
}

// sweep looks at every session and returns when to do so again; 0 is never.
func (sh *shard) sweep(now time.Time) (next time.Duration) {
	for s := range sh.sessions {
		if s.watch == nil || s.closed {
			continue
		}
		if p := max(s.profile.shortest()/sweepsPerTimeout, shortestSweep); next == 0 || p < next {
			next = p
		}
		if !s.suspended() {
			s.checkTime(now)
		}
	}
	return next
}

// checkTime ends what has lasted too long.
func (s *session) checkTime(now time.Time) {
	w, p := s.watch, s.profile
	running := s.turn != nil && s.server != nil && !s.turn.replies.empty()
	silent := s.turn == nil || (s.server != nil && s.turn.replies.empty())
	inside := s.tx != wire.TxIdle
	query := w.query.lasts(running, s.beats.answers, now)
	transaction := w.transaction.lasts(running || inside, s.beats.rests, now)
	silence := w.silence.lasts(silent, s.beats.turns, now)
	switch {
	case expired(transaction, p.TransactionTimeout):
		s.doom(errTransactionTimeout())
	case inside && expired(silence, p.IdleTransactionTimeout):
		s.doom(errIdleTransaction())
	case !inside && expired(silence, p.ClientIdleTimeout):
		s.doom(errClientIdle())
	case expired(query, p.QueryTimeout):
		s.overrun(w)
	case !running:
		w.overdue = inTime
	}
}

// overrun has a statement cancelled; one that does not end for as long again
// takes its session with it.
func (s *session) overrun(w *stopwatch) {
	w.query = stretch{}
	if w.overdue == canceled {
		s.doom(fatal(errQueryTimeout()))
		return
	}
	w.overdue = canceled
	s.shard.srv.pools.Cancel(s.server)
}

// doom ends the session with its last words. In the midst of a turn that turn
// says them.
func (s *session) doom(e *wire.Error) {
	if s.turn == nil {
		s.say(wire.AppendError(nil, e))
		s.close()
		return
	}
	s.doomed = e
	s.turn.task.Wake()
}

// overdueError is the error in place of the node's own when the cancellation was
// ours; nil when it was not.
func (u *turn) overdueError(e *wire.Error) *wire.Error {
	w := u.session.watch
	if w == nil || w.overdue != canceled || e.Code != "57014" {
		return nil
	}
	w.overdue = inTime
	return errQueryTimeout()
}

// abandon has the node stop what it does for nobody, since PostgreSQL does not
// notice that nobody listens: unless it is about to commit what it has done.
func (u *turn) abandon() {
	s := u.session
	pointless := s.doomed != nil || !u.ends()
	if s.server != nil && !u.replies.empty() && pointless {
		s.shard.srv.pools.Cancel(s.server)
	}
}

// answered notes a ReadyForQuery.
func (s *session) answered(status wire.TxStatus) {
	s.beats.answers++
	if status == wire.TxIdle {
		s.beats.rests++
	}
	if s.watch != nil {
		s.watch.overdue = inTime
	}
}

// ends reports whether the transaction's end is on its way.
func (u *turn) ends() bool {
	for _, e := range u.replies.effects {
		if e.ends {
			return true
		}
	}
	return u.effects.ends || len(u.pending()) > 0
}

// blockRefused reports whether the batch opens a transaction block, and the pool
// mode does not allow it.
func (u *turn) blockRefused() bool {
	if !u.session.singly() {
		return false
	}
	for _, f := range u.ahead {
		if f.Traits.Has(sqlparse.Begins) && !f.Traits.Has(sqlparse.Ends) {
			return true
		}
	}
	return false
}
