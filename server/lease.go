package server

import (
	"errors"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
)

// errAnswered says that the client has been given an error instead of a server.
var errAnswered = errors.New("answered with an error")

func unanswered(err error) error {
	if err == errAnswered {
		return nil
	}
	return err
}

// retryDelay is how long a session leaves a node alone that just refused it.
const retryDelay = 20 * time.Millisecond

// lease gets a server that suits the batch, waiting for it if need be: in line,
// for a primary, or for a standby that is about to catch up.
func (u *turn) lease(need routing.Need) error {
	s := u.session
	s.canceled = false // that was for something else
	u.appeal.pending = false
	l := leasing{turn: u, need: need}
	server, err := l.find()
	if err != nil {
		u.appeal = appeal{}
		return u.refuse(err)
	}
	s.take(server, l.route)
	s.began()
	server.Conn.Attach(u.task)
	if need == routing.Read {
		s.shard.srv.selects[server.Node()].Add(1)
	}
	s.shard.decisions[server.Node()][l.route.Reason].Add(1)
	u.replies.boundary = true
	u.tie(need)
	u.replay, u.answered = u.replayable(need), len(u.local)+u.scanned
	u.synchronise()
	u.reopen()
	return nil
}

// take notes the lease.
func (s *session) take(server *pool.Server, route routing.Route) {
	s.server, s.epoch, s.role = server, route.Epoch, route.Role
}

// replayable says whether the batch can be sent again if its server is lost: not
// in a transaction that is another server's.
func (u *turn) replayable(need routing.Need) replay {
	switch {
	case u.batch.unnamed == unnamedBoth, u.session.tx != wire.TxIdle && !u.session.block.loose:
		return replayNever
	case need == routing.Read && !u.tying:
		return replayEach
	case need == routing.Read:
		return replayRead
	}
	return replayUnsent
}

// leasing is the search for a server. The fast way sets no clock.
type leasing struct {
	*turn
	need     routing.Need
	route    routing.Route // decided last
	deadline time.Time     // query_wait_timeout; zero until there was a wait
	patience time.Time     // until when a standby may catch up; zero until there was a wait
	notify   time.Time     // when the client is told that it waits; zero until there was a wait
	notified bool
}

func (l *leasing) find() (*pool.Server, error) {
	for {
		route := l.decide()
		l.route = route
		switch {
		case route.Reason == routing.WritesLost:
			l.session.route.Forgive(route.Epoch)
			return nil, errWritesLost()
		case route.Reason == routing.Held:
			if err := l.awaitBoard(l.limit(), errNoPrimary()); err != nil {
				return nil, err
			}
			continue
		case route.Hopeful && l.patient():
			if err := l.awaitBoard(l.patience, nil); err != nil {
				return nil, err
			}
			continue
		case route.Role == cluster.Primary && l.session.route.Ahead(l.session.shard.srv.board):
			if err := l.awaitCover(); err != nil {
				return nil, err
			}
			continue
		}
		server, err := l.acquire(route.Node)
		if server != nil || err != nil {
			return server, err
		}
	}
}

func (l *leasing) decide() routing.Route {
	s := l.session
	srv := s.shard.srv
	if s.unobserved && srv.nodes() > 1 { // a node was added since
		s.unobserved = false
		s.route.Observe(time.Now(), s.epoch, s.route.Writer != routing.NeverWrote)
	}
	route := routing.Decide(l.input(l.need), &s.route)
	switch route.Reason {
	case routing.Unresolved, routing.Behind, routing.Confined:
		srv.board.Need(time.Now())
	}
	return route
}

// awaitCover waits for the primary to show what a standby has shown the session.
func (l *leasing) awaitCover() error {
	s, board := l.session, l.session.shard.srv.board
	s.shard.watch(l.task)
	if !s.route.Ahead(board) { // covered before anybody watched
		return nil
	}
	shown := s.route.Shown
	board.NeedCover(shown.From, shown.At)
	return l.awaitBoard(l.limit(), errUncovered(shown.From))
}

// limit is when the client's patience ends.
func (l *leasing) limit() time.Time {
	if timeout := l.session.profile.QueryWaitTimeout; l.deadline.IsZero() && timeout > 0 {
		l.deadline = time.Now().Add(timeout)
	}
	return l.deadline
}

// patient reports whether a read may wait any longer for a standby.
func (l *leasing) patient() bool {
	now := time.Now()
	if l.patience.IsZero() {
		l.patience = now.Add(l.session.shard.srv.config().CatchupWait)
	}
	return now.Before(l.patience)
}

// awaitBoard waits for the picture of the cluster to change. late is what to say
// when the deadline passes first, nil for nothing.
func (l *leasing) awaitBoard(deadline time.Time, late *wire.Error) error {
	l.session.shard.watch(l.task)
	inTime := l.await(deadline)
	if err := l.interrupted(); err != nil {
		return err
	}
	if !inTime && late != nil {
		return late
	}
	return nil
}

// await waits for a wake-up or the deadline, like Task.Wait, and for RESUME.
func (l *leasing) await(deadline time.Time) (inTime bool) {
	defer l.awaitResume()
	return l.awaitNoticed(deadline)
}

// awaitNoticed is Task.Wait with a notice to the client in between
// (query_wait_notify).
func (l *leasing) awaitNoticed(deadline time.Time) (inTime bool) {
	after := l.session.shard.srv.config().QueryWaitNotify
	if after <= 0 || l.notified || !l.running { // not during a login
		return l.task.Wait(deadline)
	}
	if l.notify.IsZero() {
		l.notify = time.Now().Add(after)
	}
	if !deadline.IsZero() && deadline.Before(l.notify) {
		return l.task.Wait(deadline)
	}
	if l.task.Wait(l.notify) {
		return true
	}
	l.notified = true
	notice := noticeWaiting(l.session.database)
	if l.route.Reason == routing.Held {
		notice = noticeHeld()
	}
	l.local = wire.AppendNotice(l.local, notice)
	if _, err := l.flush(); err != nil {
		return true // interrupted finds out
	}
	return l.task.Wait(deadline)
}

// interrupted reports why the client no longer waits.
func (l *leasing) interrupted() error {
	s := l.session
	switch {
	case s.canceled:
		s.canceled = false
		return errCanceled()
	case s.doomed != nil:
		return s.doomed
	case s.conn.Hung():
		return errGone
	}
	return nil
}

// acquire takes a server of a node, or stands in line for one. It returns
// neither a server nor an error when the decision must be made anew.
func (l *leasing) acquire(node cluster.NodeID) (*pool.Server, error) {
	s := l.session
	p := s.shard.srv.pools.Pool(pool.Key{Node: node, Database: s.database, User: s.serverUser()})
	if server := p.Take(s.shard.loop); server != nil {
		return server, nil
	}
	if l.promise() {
		return nil, errAnswered
	}
	defer s.waits()()
	w := p.Join(l.task)
	for !w.Done() {
		inTime := l.await(l.limit())
		err := l.interrupted()
		if err == nil && !inTime && !w.Done() {
			err = errQueryWait()
		}
		if err != nil {
			w.Cancel()
			return nil, err
		}
	}
	server, err := w.Server()
	if err == nil {
		return server, nil
	}
	return nil, l.setback(err)
}

// setback decides whether it is worth trying again after a failed acquire.
func (l *leasing) setback(err error) error {
	var dial *pool.DialError
	if errors.Is(err, pool.ErrRetired) {
		return nil
	}
	if !errors.As(err, &dial) || !dial.Unreachable() {
		if l.overrule() {
			return nil
		}
		return toClient(err)
	}
	if limit := l.limit(); !limit.IsZero() && time.Now().After(limit) {
		return toClient(err)
	}
	return l.awaitBoard(time.Now().Add(retryDelay), nil)
}

// toClient is what a client is told of a node's refusal: the node's own words
// when it has said any.
func toClient(err error) *wire.Error {
	var told *wire.Error
	if errors.As(err, &told) {
		e := *told
		e.Severity = wire.SeverityError
		return &e
	}
	return wire.Errorf("08006", "%v", err)
}

// refuse answers the batch with an error: no server took part in it.
func (u *turn) refuse(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Severity == wire.SeverityFatal {
		return e
	}
	after := u.session.failBlock()
	u.local = wire.AppendError(u.local, e)
	typ, size := wire.Peek(u.pending())
	if typ == wire.Query || typ == wire.FunctionCall {
		u.local = wire.AppendReady(u.local, after)
		u.passing = size // without a server it is dropped
		return errAnswered
	}
	u.skipping = true
	return errAnswered
}
