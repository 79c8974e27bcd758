package server

import (
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// A Parse larger than maxGather is passed on as it comes and not kept: its memory is
// the server's. No other server can be given the statement, so the session keeps this
// one until the statement is closed or replaced. What it does is unknown: it runs on
// the primary, and the server is asked for the session's state when it is gone.

// encodeLargeParse notes what a large Parse prepares. b is its beginning; a named one
// has the client's name on the server, too.
func (u *turn) encodeLargeParse(b []byte) error {
	s := u.session
	text, _, ok := wire.CString(b[wire.HeaderLen:])
	if !ok {
		return wire.Violation("malformed Parse")
	}
	name, f := string(text), s.shard.srv.parser.Unseen()
	s.tally.ClientParses++
	e := expected{request: reqParse, facts: f}
	switch _, known := s.prepared[name]; {
	case name == "":
		e.replaces, e.replaced = replacesUnnamed, u.setAside()
		s.unnamed, s.large = unnamed{facts: f, server: s.server, streamed: true}, true
	case s.keepsNames():
		e.client, e.before = name, s.prepared[name]
		s.remember(name, prepared{statement: pool.NewStreamedStatement(), facts: f})
	case u.refuses(f): // the server says so
	case known:
		u.standIn(name)
	default:
		e.client, e.statement = name, name
		u.stream(name, f)
	}
	u.expect(e)
	return nil
}

// stream notes a named statement that is on the session's server only.
func (u *turn) stream(name string, f *sqlparse.Facts) {
	s := u.session
	u.vacate(name)
	p := prepared{statement: pool.NewStreamedStatement(), facts: f}
	s.remember(name, p)
	s.server.Statements.Put(name, p.statement.Name)
	s.large = true
}

// holds reports whether the session's server has a statement that was not kept.
func (s *session) holds(p prepared) bool {
	what, ok := s.server.Statements.Holds(p.name)
	return ok && what == p.statement.Name
}

// streams reports whether the session has such a statement.
func (s *session) streams() bool {
	if !s.large || s.server == nil {
		return false
	}
	if s.unnamed.streamed && s.unnamed.server == s.server {
		return true
	}
	for _, p := range s.prepared {
		if p.statement.Streamed() && s.holds(p) {
			return true
		}
	}
	return false
}

// holdLarge keeps the server for as long as it has statements that were not kept, once
// everything is answered. A standby can't have the session for so long: there, the
// unnamed one ends with its transaction.
func (u *turn) holdLarge(after wire.TxStatus) {
	s := u.session
	if !s.large || !u.replies.empty() || s.keepsServer() {
		return
	}
	if s.unnamed.streamed && s.role != cluster.Primary && after == wire.TxIdle {
		s.unnamed = unnamed{}
	}
	s.large = s.streams()
	switch {
	case s.large && s.pin == sqlparse.PinNone:
		s.pin = sqlparse.PinStatement
	case !s.large && s.pin == sqlparse.PinStatement:
		s.pin = sqlparse.PinNone
	}
}
