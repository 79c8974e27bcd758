package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// SUSPEND has no part in a statement: connections are paused below the sessions, in
// the reactor, so that these find nothing to read. Only one that waits for something
// else than a connection must look (awaitResume).

// suspendLook is how often Suspend looks who is not at rest.
const suspendLook = 10 * time.Millisecond

var (
	errSuspended    = errors.New("clients are suspended already")
	errResumed      = errors.New("somebody has said RESUME")
	errShuttingDown = errors.New("pgherd is shutting down")
)

// Suspend stops reading from clients, and from the connections to nodes that they
// have, until Resume; nobody new is accepted (SUSPEND). It returns when all that had
// been read is passed on. Clients that don't take their answers within suspend_timeout,
// or don't get through their login, are disconnected: dropped is how many. After an
// error nobody is suspended any more, but for one that says that they were before.
func (s *Server) Suspend(ctx context.Context) (dropped int, err error) {
	if !s.suspended.CompareAndSwap(false, true) {
		return 0, errSuspended
	}
	s.followListeners()
	if dropped, err = s.awaitRest(ctx, s.config().SuspendTimeout); err != nil {
		s.unsuspend()
	}
	return dropped, err
}

// Suspended reports whether SUSPEND was said and RESUME was not.
func (s *Server) Suspended() bool { return s.suspended.Load() }

func (s *Server) awaitRest(ctx context.Context, timeout time.Duration) (dropped int, err error) {
	deadline := time.Now().Add(timeout)
	ticker := time.NewTicker(suspendLook)
	defer ticker.Stop()
	for {
		restless, ended, err := s.suspendSessions(ctx, !time.Now().Before(deadline))
		dropped += ended
		switch {
		case err != nil:
			return dropped, err
		case s.draining.Load():
			return dropped, errShuttingDown
		case !s.suspended.Load():
			return dropped, errResumed
		case restless == 0:
			return dropped, nil
		}
		select {
		case <-ctx.Done():
			return dropped, fmt.Errorf("%d clients were not at rest yet: %w", restless, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// suspendSessions counts those who are not at rest, and those it has ended for that
// once the time is over.
func (s *Server) suspendSessions(ctx context.Context, over bool) (restless, ended int, err error) {
	counts := make(chan [2]int, len(s.shards)) // of loops that are visited late, too
	err = s.visit(ctx, func(sh *shard) {
		restless, ended := sh.suspend(over)
		counts <- [2]int{restless, ended}
	})
	for len(counts) > 0 {
		c := <-counts
		restless, ended = restless+c[0], ended+c[1]
	}
	return restless, ended, err
}

// suspend does so for one loop, unless the sessions have been resumed meanwhile.
func (sh *shard) suspend(over bool) (restless, ended int) {
	for c := range sh.sessions {
		if !sh.srv.suspended.Load() || c.suspend() {
			continue
		}
		restless++
		if over && c.doomed == nil {
			c.expel()
			ended++
		}
	}
	return restless, ended
}

// unsuspend undoes Suspend. It is false when there is nothing to undo.
func (s *Server) unsuspend() bool {
	if !s.suspended.CompareAndSwap(true, false) {
		return false
	}
	for _, sh := range s.shards {
		sh.loop.Post(sh.resume)
	}
	s.followListeners()
	return true
}

// resume lets the loop's sessions go on, unless they have been suspended again.
func (sh *shard) resume() {
	for c := range sh.sessions {
		if sh.srv.suspended.Load() {
			return
		}
		c.resume()
	}
}

// suspend pauses the session's connections as far as nothing of theirs is under way
// here, and reports whether it is at rest. A client that went elsewhere is.
func (s *session) suspend() bool {
	switch {
	case s.closed || s.conn.Closed():
		return true
	case s.key == 0: // it logs in, or is about to end
		return false
	}
	s.conn.Pause()
	if !s.conn.Sent() || s.turn != nil && !s.turn.still() {
		return false
	}
	if s.server == nil {
		return true
	}
	if s.server.Conn.Sent() {
		s.server.Conn.Pause()
	}
	return s.server.Conn.Sent()
}

// still reports whether nothing is on its way through the turn: what it waits for
// comes from a connection, or passes awaitResume.
func (u *turn) still() bool { return u.flushed() && len(u.request) == 0 && !u.resetting }

func (s *session) resume() {
	s.conn.Resume()
	if s.server != nil {
		s.server.Conn.Resume()
	}
	if s.watch != nil {
		*s.watch = stopwatch{overdue: s.watch.overdue} // the time does not count
	}
	if s.turn != nil {
		s.turn.task.Wake()
	}
}

// expel ends a session that can't be brought to rest.
func (s *session) expel() {
	e := wire.Fatalf("57P01", "terminating connection: it could not be brought to rest within suspend_timeout")
	if s.key != 0 {
		s.doom(e)
		return
	}
	s.doomed = e
	s.conn.Shutdown()
}

// awaitResume waits while the session is suspended, unless it is to end.
func (u *turn) awaitResume() {
	for u.running && u.session.shard.srv.suspended.Load() && u.session.doomed == nil {
		u.task.Wait(time.Time{})
	}
}

// commanderLeft resumes clients when nobody is left who could: no new one would get in.
func (s *Server) commanderLeft() {
	if s.commands.Add(-1) == 0 && s.unsuspend() {
		s.log.Warn("clients go on: the last administrator has left the console without RESUME")
	}
}
