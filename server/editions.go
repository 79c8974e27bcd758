package server

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// revalidate is the routine of PostgreSQL's in errors of a result's type. Drivers
// (JDBC, postgres.js) prepare the statement anew when they read it.
const revalidate = "RevalidateCachedQuery"

// editions counts how often the result of a shared statement has changed its type.
// A session that prepares it anew gets a new one; the servers may still have the
// old one, which those who prepared it before go on to use: they get the error that
// PostgreSQL gives them.
type editions struct {
	any    atomic.Bool        // some statement has one
	mu     sync.Mutex         // guards byName
	byName map[parsedName]int // by Statement.Base, for each database and user
}

// maxEditions is how many statements are remembered. Forgetting them costs
// sessions an error more.
const maxEditions = 10000

// of is the edition of the statement whose name it had at first.
func (e *editions) of(name parsedName) int {
	if !e.any.Load() {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byName[name]
}

func (e *editions) next(name parsedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byName == nil || len(e.byName) > maxEditions {
		e.byName = map[parsedName]int{}
	}
	e.byName[name]++
	e.any.Store(true)
}

// use notes that a request needs a shared statement.
func (u *turn) use(r request, p prepared) expected {
	if !p.statement.Shared() {
		return expected{request: r, facts: p.facts}
	}
	if !p.used {
		p.used = true
		u.session.prepared[p.name] = p
		return expected{request: r, uses: p.name, first: true, facts: p.facts}
	}
	return expected{request: r, uses: p.name, facts: p.facts}
}

// outdated reports whether the server has refused a shared statement for a reason
// that is ours: the result's type has changed since somebody else prepared it, or it
// is gone from the server. Later sessions won't meet it again; this one is spared
// the error if it can be.
func (u *turn) outdated(e *wire.Error) bool {
	first, s := u.replies.first(), u.session
	p, ok := s.prepared[first.uses]
	if first.uses == "" || !ok {
		return false
	}
	gone := e.Code == "26000" && strings.Contains(e.Message, p.statement.Name) // and not what it executes
	switch {
	case gone:
		s.server.Statements.Remove(p.statement.Name)
	case e.Code == "0A000" && e.Routine == revalidate,
		e.Code == "XX000" && strings.HasPrefix(e.Message, "cache lookup failed for type "): // dropped and made anew
		u.renew(first, p)
	default:
		return false
	}
	return (first.first || gone) && u.repeatable()
}

// edition is the one in which a session prepares a statement now.
func (s *session) edition(st pool.Statement) int {
	return s.shard.srv.editions.of(s.parsedName(st.Base))
}

// superseded reports whether the session has used a statement of which it is known that
// its result has changed since. A server that has the old edition says so itself; one that
// has not would prepare it, and the client would not learn that what it knows is untrue.
func (s *session) superseded(p prepared) bool {
	return p.used && s.edition(p.statement) > p.statement.Edition
}

// errSuperseded is what PostgreSQL says then.
func errSuperseded() *wire.Error {
	e := wire.Errorf("0A000", "cached plan must not change result type")
	e.Routine = revalidate
	return e
}

// renew starts a new edition, unless somebody else has.
func (u *turn) renew(first *expected, p prepared) {
	s := u.session
	if s.edition(p.statement) == p.statement.Edition {
		s.shard.srv.editions.next(s.parsedName(p.statement.Base))
	}
	if first.first {
		p.statement, p.used = p.statement.In(s.edition(p.statement)), false
		s.prepared[first.uses] = p
	}
}

// outgrown is what PostgreSQL says when a statement's result has got other columns
// since the session prepared it. A server that has prepared it later doesn't know that.
func (u *turn) outgrown(e *wire.Error) *wire.Error {
	first := u.replies.first()
	if first.uses == "" || first.first || e.Code != "08P01" || e.Routine != "PortalSetResultFormat" {
		return nil
	}
	return errSuperseded()
}

// repeatable reports whether the batch that the server has refused can be encoded
// again for another one.
func (u *turn) repeatable() bool {
	return u.replay.whole() && u.session.movable()
}
