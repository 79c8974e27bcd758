package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// SUSPEND has no part in a statement: connections are paused below the sessions, in
// the reactor, so that these find nothing to read. Only one that waits for something
// else than a connection must look (awaitResume).

// suspendLook is how often Suspend looks whether all are at rest.
const suspendLook = 10 * time.Millisecond

var (
	errSuspended    = errors.New("clients are suspended already")
	errResumed      = errors.New("somebody has said RESUME")
	errShuttingDown = errors.New("pgherd is shutting down")
)

// suspended is what SUSPEND was said of: databases, "" for all. Every look at it is
// without a lock.
type suspended struct {
	mu    sync.Mutex // held while names is replaced
	names atomic.Pointer[map[string]bool]
}

// said reports whether it was said of just that.
func (x *suspended) said(database string) bool {
	names := x.names.Load()
	return names != nil && (*names)[database]
}

// holds reports whether the clients of a database are held.
func (x *suspended) holds(database string) bool { return x.said("") || x.said(database) }

// set notes what was said; without a database, RESUME is of all. It is false when
// nothing has changed.
func (x *suspended) set(database string, on bool) (changed bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	next := map[string]bool{}
	if names := x.names.Load(); names != nil {
		maps.Copy(next, *names)
	}
	before := len(next)
	switch {
	case on:
		next[database] = true
	case database == "":
		clear(next)
	default:
		delete(next, database)
	}
	x.names.Store(&next)
	return len(next) != before
}

// Suspend stops reading from the clients of a database, and from the connections to
// nodes that they have, until Resume (SUSPEND). Without a database these are all
// clients, and nobody new is accepted. It returns when all that had been read is
// passed on. Clients that don't take their answers within suspend_timeout, or don't
// get through their login, are disconnected: dropped is how many. After an error
// nobody is suspended any more, but for one that says that they were before.
func (s *Server) Suspend(ctx context.Context, database string) (dropped int, err error) {
	if !s.suspended.set(database, true) {
		return 0, errSuspended
	}
	s.followListeners()
	if dropped, err = s.awaitRest(ctx, database, s.config().SuspendTimeout); err != nil {
		s.unsuspend(database)
	}
	return dropped, err
}

func (s *Server) awaitRest(ctx context.Context, database string, timeout time.Duration) (dropped int, err error) {
	deadline := time.Now().Add(timeout)
	ticker := time.NewTicker(suspendLook)
	defer ticker.Stop()
	for {
		restless, ended, err := s.suspendSessions(ctx, database, !time.Now().Before(deadline))
		dropped += ended
		switch {
		case err != nil:
			return dropped, err
		case s.draining.Load():
			return dropped, errShuttingDown
		case !s.suspended.said(database):
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
func (s *Server) suspendSessions(ctx context.Context, database string, over bool) (restless, ended int, err error) {
	counts := make(chan [2]int, len(s.shards)) // of loops that are visited late, too
	err = s.visit(ctx, func(sh *shard) {
		restless, ended := sh.suspend(database, over)
		counts <- [2]int{restless, ended}
	})
	for len(counts) > 0 {
		c := <-counts
		restless, ended = restless+c[0], ended+c[1]
	}
	return restless, ended, err
}

// suspend does so for one loop, unless the sessions have been resumed meanwhile.
func (sh *shard) suspend(database string, over bool) (restless, ended int) {
	for c := range sh.sessions {
		if !sh.srv.suspended.said(database) || !c.meant(database) || c.suspend() {
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

// meant reports whether SUSPEND of a database is about the session. Who still logs in
// is not asked to hurry for the sake of one: see suspendNew.
func (s *session) meant(database string) bool {
	return database == "" || s.database == database && s.key != 0
}

// unsuspend undoes Suspend, all of them without a database. It is false when there is
// nothing to undo.
func (s *Server) unsuspend(database string) bool {
	if !s.suspended.set(database, false) {
		return false
	}
	for _, sh := range s.shards {
		sh.loop.Post(func() { sh.resume(database) })
	}
	s.followListeners()
	return true
}

// resume lets the loop's sessions go on, unless they are suspended all the same.
func (sh *shard) resume(database string) {
	for c := range sh.sessions {
		if c.meant(database) && !c.suspended() {
			c.resume()
		}
	}
}

func (s *session) suspended() bool { return s.shard.srv.suspended.holds(s.database) }

// suspendNew holds a client up that has just logged in to a suspended database.
func (s *session) suspendNew() {
	if s.suspended() {
		s.conn.Pause()
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
	for u.running && u.session.suspended() && u.session.doomed == nil {
		u.task.Wait(time.Time{})
	}
}

// commanderLeft resumes clients when nobody is left who could: no new one would get in.
func (s *Server) commanderLeft() {
	if s.commands.Add(-1) == 0 && s.unsuspend("") {
		s.log.Warn("clients go on: the last administrator has left the console without RESUME")
	}
}
