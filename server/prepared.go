package server

import (
	"fmt"
	"slices"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// encodeParse passes an unnamed statement on, and remembers it for a Bind on
// another server. A named one becomes a statement that sessions share, unless the
// session keeps its server: then the name is the server's business.
func (u *turn) encodeParse(frame []byte) error {
	s := u.session
	name, body, ok := wire.CString(frame[wire.HeaderLen:])
	sql, _, ok2 := wire.CString(body)
	if !ok || !ok2 {
		return wire.Violation("malformed Parse")
	}
	f := u.nextFacts(sql)
	if e := s.misset(f, sql); e != nil {
		u.expect(u.refusal(string(name), e))
		return nil
	}
	if e := s.crowded(name, len(body)); e != nil {
		u.expect(u.refusal(string(name), e))
		return nil
	}
	if len(name) == 0 {
		u.executable(f)
		before := u.setAside()
		s.unnamed = unnamed{body: append(s.unnamed.body[:0], body...), facts: f, server: s.server}
		u.request = append(u.request, frame...)
		u.expect(expected{request: reqParse, facts: f, replaces: replacesUnnamed, replaced: before})
		return nil
	}
	if s.keepsNames() {
		u.parseOwn(string(name), frame, prepared{statement: pool.NewOwnStatement(string(name), body), facts: f})
		return nil
	}
	if u.refuses(f) {
		u.forward(frame, reqParse)
		return nil
	}
	if _, ok := s.prepared[string(name)]; ok { // the server says so
		u.standIn(string(name))
		u.forward(frame, reqParse)
		return nil
	}
	u.encodeNamed(string(name), prepared{statement: u.statement(body, f), facts: f})
	return nil
}

// statement is what a Parse message's body stands for here and now.
func (u *turn) statement(body []byte, f *sqlparse.Facts) pool.Statement {
	if u.shadows() {
		return u.session.private(body)
	}
	return u.session.shared(body, f)
}

// shadows reports whether tables may be others for this session: temporary ones, or
// those of its transaction. What others have prepared means the tables that they see:
// PostgreSQL looks names up at Parse, and not again because a table of that name was made.
func (u *turn) shadows() bool {
	s := u.session
	own := func(e effects) bool { return e.defines || e.doubt&doubtPins != 0 }
	return s.pin != sqlparse.PinNone || s.defined || s.doubt&doubtPins != 0 || own(u.effects) || slices.ContainsFunc(u.replies.effects, own)
}

// keepsNames reports whether statements have the client's names on the server. Then
// what a name stands for there is for the server to say, and nothing is put right
// before; which facts belong to it is still followed.
func (s *session) keepsNames() bool { return s.keepsServer() }

// parseOwn passes a named statement on as it stands. Should the server refuse it,
// the name means again what it meant before.
func (u *turn) parseOwn(name string, frame []byte, p prepared) {
	before := u.session.prepared[name]
	u.session.remember(name, p)
	u.request = append(u.request, frame...)
	u.expect(expected{request: reqParse, client: name, before: before})
}

// refuses reports whether the server is sure to refuse a Parse, as it does in a
// failed transaction with all but the end of that.
func (u *turn) refuses(f *sqlparse.Facts) bool {
	return u.session.tx == wire.TxFailed && !f.Traits.Has(sqlparse.Ends) && f.Kind != sqlparse.RollbackTo && f.Kind != sqlparse.Empty &&
		!u.effects.ends && u.effects.facts == nil && len(u.replies.effects) == 0
}

// encodeNamed prepares a shared statement for the client's name.
func (u *turn) encodeNamed(name string, p prepared) {
	s := u.session
	s.remember(name, p)
	if s.server.Statements.Use(p.statement.Name) {
		u.expect(expected{request: localParse, client: name})
		return
	}
	u.prepare(p.statement, expected{request: reqParse, client: name, facts: p.facts})
}

// shared is the statement that a Parse message's body stands for in this session. What
// EXECUTE gives depends on what the name means when it is parsed.
func (s *session) shared(body []byte, f *sqlparse.Facts) pool.Statement {
	context := s.settings.PlanContext()
	for _, name := range f.Executes {
		context += "\x00" + s.prepared[name].statement.Name
	}
	st := pool.NewStatement(body, context)
	return st.In(s.edition(st))
}

// private is a statement that no other Parse stands for, not even of the same session.
func (s *session) private(body []byte) pool.Statement {
	s.privates++
	return pool.NewStatement(body, fmt.Sprintf("\x00%d\x00%d", s.id, s.privates))
}

// prepare parses a shared statement on the server, which has it not. Room is
// made by closing the one that was not used for longest.
func (u *turn) prepare(st pool.Statement, e expected) {
	s := u.session
	if evicted, what := s.server.Statements.Add(st.Name, s.shard.srv.config().MaxPrepared); evicted != "" {
		u.closeName(evicted, what)
	}
	u.executable(e.facts)
	s.tally.ServerParses++
	u.request = appendParse(u.request, st.Name, st.Body())
	e.statement = st.Name
	u.expect(e)
}

// ensure has a statement ready on the server and returns its name there.
func (u *turn) ensure(p prepared) string {
	switch {
	case u.session.server.Statements.Use(p.statement.Name):
	case u.session.superseded(p):
		u.expect(u.refusal(p.name, errSuperseded()))
	default:
		u.prepare(p.statement, expected{request: reqParse, visibility: hidden, facts: p.facts})
	}
	return p.statement.Name
}

// resolve has a statement of the client's ready on the server and returns the
// name it has there. A name that the client never prepared is passed on, for
// the server to refuse.
func (u *turn) resolve(name []byte) (string, prepared) {
	if len(name) == 0 {
		return "", u.resolveUnnamed()
	}
	p, ok := u.session.prepared[string(name)]
	switch {
	case !ok:
		u.vacate(string(name))
		return string(name), p
	case u.session.keepsNames():
		return p.name, p
	case p.statement.Streamed():
		if !u.session.holds(p) {
			u.vacate(p.name)
		}
		return p.name, p
	case p.statement.SQL:
		u.prepareOwn(p.name, p)
		return p.name, p
	}
	return u.ensure(p), p
}

// resolveUnnamed: the server may still have somebody else's unnamed statement when
// the client has none.
func (u *turn) resolveUnnamed() prepared {
	s := u.session
	switch {
	case s.keepsNames():
	case s.unnamed.streamed && s.unnamed.server == s.server:
		return prepared{statement: pool.NewStreamedStatement(), facts: s.unnamed.facts}
	case s.unnamed.body == nil:
		u.closeName("", "")
	case s.unnamed.server != s.server:
		u.executable(s.unnamed.facts)
		u.request = appendParse(u.request, "", s.unnamed.body)
		u.expect(expected{request: reqParse, visibility: hidden, facts: s.unnamed.facts, replaces: movesUnnamed})
		s.unnamed.server = s.server
	}
	return prepared{facts: s.unnamed.facts}
}

func appendParse[S string | []byte](b []byte, name string, body S) []byte {
	b, at := wire.Begin(b, wire.Parse)
	return wire.End(append(wire.AppendString(b, name), body...), at)
}

// encodeBind passes Bind on with the server's name for the statement. b may be
// only the beginning of a frame of size bytes.
func (u *turn) encodeBind(b []byte, size int) error {
	portal, rest, ok := wire.CString(b[wire.HeaderLen:])
	name, rest, ok2 := wire.CString(rest)
	if !ok || !ok2 {
		return wire.Violation("malformed Bind")
	}
	server, p := u.resolve(name)
	if p.facts != nil {
		text := u.textOf(name, p.facts)
		u.asked(p.facts)
		u.desert(p.facts)
		u.effects.note(u.session.judged(p.facts), text)
		if p.statement.Streamed() {
			u.effects.doubt |= doubtSettings | doubtPins
			u.effects.blind = true
		}
		u.noteNames(p.facts, text, rest)
		u.nameInText(p.facts, text)
	}
	head, at := wire.Begin(u.request, wire.Bind)
	head = wire.AppendString(wire.AppendString(head, portal), server)
	missing := size - len(b)
	if missing == 0 {
		head = appendFormats(head, rest, p.columns)
	} else {
		head = append(head, rest...)
	}
	u.request = wire.End(head, at)
	e := u.use(reqBind, p)
	if len(portal) == 0 {
		u.bound = e.uses
	}
	u.expect(e)
	if missing > 0 {
		setLength(u.request[at:], len(u.request)-at-1+missing)
		u.commit()
		u.take(len(b))
		u.passing = missing
	}
	return nil
}

// textOf is the query of a statement whose facts leave something open.
func (u *turn) textOf(name []byte, f *sqlparse.Facts) []byte {
	if !f.Traits.Has(sqlparse.SessionState) && f.Kind != sqlparse.Unknown {
		return nil
	}
	if len(name) > 0 {
		return statementText(u.session.prepared[string(name)].statement)
	}
	sql, _, _ := wire.CString(u.session.unnamed.body)
	return sql
}

func setLength(frame []byte, n int) {
	frame[1], frame[2], frame[3], frame[4] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
}

// encodeTarget deals with Describe and Close, of a statement or a portal.
func (u *turn) encodeTarget(typ byte, frame []byte) error {
	body := frame[wire.HeaderLen:]
	if len(body) < 2 || (body[0] != 'S' && body[0] != 'P') {
		return wire.Violation("malformed Describe or Close")
	}
	name, _, ok := wire.CString(body[1:])
	if !ok {
		return wire.Violation("malformed Describe or Close")
	}
	switch {
	case body[0] == 'P' && typ == wire.Describe:
		u.request = append(u.request, frame...)
		u.expect(expected{request: reqDescribe, uses: u.portalOf(name)})
	case body[0] == 'P':
		u.forward(frame, reqClose)
	case typ == wire.Describe:
		server, p := u.resolve(name)
		u.executable(p.facts) // they are looked up again
		b, at := wire.Begin(u.request, wire.Describe)
		u.request = wire.End(wire.AppendString(append(b, 'S'), server), at)
		u.expect(u.use(reqDescribeStatement, p))
	case len(name) == 0:
		before := u.setAside()
		u.session.unnamed = unnamed{}
		u.request = append(u.request, frame...)
		u.expect(expected{request: reqClose, replaces: replacesUnnamed, replaced: before})
	case u.session.keepsNames():
		u.closeOwn(string(name), frame)
	default: // others may use it on the server
		u.encodeClose(string(name))
	}
	return nil
}

// portalOf is the shared statement behind a portal: "" for none that is known.
func (u *turn) portalOf(portal []byte) string {
	if len(portal) > 0 {
		return ""
	}
	return u.bound
}

func (u *turn) encodeClose(name string) {
	p, ok := u.session.prepared[name]
	if !ok || p.statement.SQL || p.statement.Streamed() {
		u.vacate(name)
	}
	if !ok {
		u.expect(expected{request: localClose})
		return
	}
	u.session.unname(name)
	u.expect(expected{request: localClose, client: name, before: p})
}

func (u *turn) closeOwn(name string, frame []byte) {
	before := u.session.prepared[name]
	u.session.unname(name)
	u.request = append(u.request, frame...)
	u.expect(expected{request: reqClose, client: name, before: before})
}
