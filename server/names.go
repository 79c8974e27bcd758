package server

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// The names in PREPARE, EXECUTE and DEALLOCATE are passed on as they stand. Before
// such a statement its names mean on the server what they mean in the session: the
// session's statement, or nothing. Where the session keeps its server, they do.

// nameInQuery prepares for a simple Query that names statements. Sync keeps a
// failure to do so apart from the query.
func (u *turn) nameInQuery(f *sqlparse.Facts, sql []byte) {
	before := len(u.replies.due)
	u.nameInText(f, sql)
	if len(u.replies.due) == before {
		return
	}
	for i := before; i < len(u.replies.due); i++ {
		u.replies.due[i].visibility = silent
	}
	u.request = wire.AppendFrame(u.request, wire.Sync, "")
	u.expect(expected{request: reqSync, visibility: silent})
}

// nameInText does so in the extended protocol, in front of Bind.
func (u *turn) nameInText(f *sqlparse.Facts, sql []byte) {
	if f.Traits.Has(sqlparse.Prepares) {
		list := sqlparse.Namings(string(sql))
		u.effects.forgets = u.effects.forgets || len(list) == 0
		for _, n := range list {
			u.matchName(n.Name, u.standIn)
			u.naming(n)
		}
	}
	for _, name := range f.Executes {
		u.matchName(name, u.executing)
		for _, n := range u.effects.named { // by the batch itself
			if n.name == name {
				u.executes(n.prepared)
			}
		}
	}
}

// executable has what EXECUTE names ready for its Parse, when the columns are found out,
// or its Describe.
func (u *turn) executable(f *sqlparse.Facts) {
	if f == nil {
		return
	}
	for _, name := range f.Executes {
		u.matchName(name, func(name string) { u.prepareOwn(name, u.session.prepared[name]) })
	}
}

// naming notes what PREPARE or DEALLOCATE will have done when its tag comes.
func (u *turn) naming(n sqlparse.Naming) {
	next := named{name: n.Name}
	if n.Inner != nil {
		next.prepared = prepared{statement: pool.NewSQLStatement(n.Text), facts: n.Inner}
	}
	if strings.HasPrefix(n.Name, pool.SharedPrefix) && !u.session.keepsNames() { // it may be taken for one of ours
		u.effects.pin = sqlparse.PinPrepare
	}
	u.effects.named = append(u.effects.named, next)
}

// matchName makes a name mean on the server what it means in the session: prepare is
// called for the session's statement of that name; if there is none, the name is freed.
// What the batch itself has named or deallocated before is right on the server by then.
func (u *turn) matchName(name string, prepare func(name string)) {
	if slices.ContainsFunc(u.effects.named, func(n named) bool { return n.name == name }) {
		return
	}
	if _, ok := u.session.prepared[name]; ok && !u.effects.forgets {
		prepare(name)
		return
	}
	u.vacate(name)
}

// executing has the session's statement ready under its own name.
func (u *turn) executing(name string) {
	p := u.session.prepared[name]
	u.prepareOwn(name, p)
	if p.statement.Streamed() {
		u.effects.doubt |= doubtSettings | doubtPins
	}
	u.executes(p)
}

// executes notes what carrying out a statement does to the session.
func (u *turn) executes(p prepared) {
	if p.facts == nil || !p.facts.Traits.Has(sqlparse.SessionState) {
		return
	}
	if u.effects.facts != nil && u.effects.facts.Kind == sqlparse.Explain { // it may not be carried out
		u.effects.doubt |= doubtSettings | doubtPins
		return
	}
	text := statementText(p.statement)
	u.effects.note(p.facts, text)
	if p.facts.Traits.Has(sqlparse.Configures) && len(sqlparse.FindConfigured(string(text)).Numbers) > 0 {
		u.effects.pin = sqlparse.PinSessionSet // the names are expressions
	}
}

// noteNames finds the names of settings among the parameters of Bind. rest is what
// follows the statement's name; it may end early.
func (u *turn) noteNames(f *sqlparse.Facts, sql, rest []byte) {
	if !f.Traits.Has(sqlparse.Configures) {
		return
	}
	for _, number := range sqlparse.FindConfigured(string(sql)).Numbers {
		name, ok := bindParameter(rest, number)
		if !ok {
			u.effects.pin = sqlparse.PinSessionSet
		}
		u.effects.names = append(u.effects.names, name)
	}
}

// bindParameter is the n-th parameter of Bind, of which b is what follows the names.
// Text looks the same in both formats.
func bindParameter(b []byte, n int) (string, bool) {
	if len(b) < 2 {
		return "", false
	}
	formats := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; len(b) < 2*formats+2 {
		return "", false
	}
	b = b[2*formats+2:]
	for i := 1; len(b) >= 4; i++ {
		size := max(int(int32(binary.BigEndian.Uint32(b))), 0)
		if b = b[4:]; len(b) < size {
			return "", false
		}
		if i == n {
			return string(b[:size]), true
		}
		b = b[size:]
	}
	return "", false
}

// statementText is the query of a statement; that of one made by PREPARE begins
// with PREPARE.
func statementText(st pool.Statement) []byte {
	sql, _, found := strings.Cut(st.Body(), "\x00")
	if !found {
		sql = st.Body()
	}
	return []byte(sql)
}

// prepareOwn prepares a statement under the client's own name.
func (u *turn) prepareOwn(name string, p prepared) {
	s := u.session
	if s.keepsNames() {
		return
	}
	if what, ok := s.server.Statements.Holds(name); ok && what == p.statement.Name {
		return
	}
	u.vacate(name)
	if p.statement.SQL {
		u.executeHidden(name, p.statement.Body())
	} else {
		u.request = appendParse(u.request, name, p.statement.Body())
		u.expect(expected{request: reqParse, visibility: hidden, statement: name})
	}
	s.server.Statements.Put(name, p.statement.Name)
}

// hiddenName is a statement's and a portal's that last for a moment.
const hiddenName = pool.SharedPrefix + "hidden"

// executeHidden carries out a PREPARE of a name within a batch. One that failed
// has left the hidden statement behind.
func (u *turn) executeHidden(name, sql string) {
	u.closeName(hiddenName, "")
	u.request = appendParse(u.request, hiddenName, sql+"\x00\x00\x00")
	u.request = wire.AppendFrame(u.request, wire.Bind, hiddenName+"\x00"+hiddenName+"\x00\x00\x00\x00\x00\x00\x00")
	u.request = wire.AppendFrame(u.request, wire.Execute, hiddenName+"\x00\x00\x00\x00\x00")
	u.request = wire.AppendFrame(u.request, wire.Close, "P"+hiddenName+"\x00")
	for _, r := range [...]request{reqParse, reqBind} {
		u.expect(expected{request: r, visibility: hidden})
	}
	u.expect(expected{request: reqExecute, visibility: hidden, statement: name})
	u.expect(expected{request: reqClose, visibility: hidden})
	u.closeName(hiddenName, "")
}

// emptyStatement is what a stand-in holds.
const emptyStatement = "empty"

// standIn has the name in use on the server, for a PREPARE or Parse that is to fail
// or a DEALLOCATE that is to succeed: an empty query will do.
func (u *turn) standIn(name string) {
	s := u.session
	if _, ok := s.server.Statements.Holds(name); ok || s.keepsNames() {
		return
	}
	u.request = appendParse(u.request, name, "\x00\x00\x00")
	u.expect(expected{request: reqParse, visibility: hidden, statement: name})
	s.server.Statements.Put(name, emptyStatement)
}

// vacate frees a name on the server that means something else there.
func (u *turn) vacate(name string) {
	statements := &u.session.server.Statements
	if what, ok := statements.Holds(name); ok && what != name && !u.session.keepsNames() { // a shared one is nobody's own
		statements.Remove(name)
		u.closeName(name, what)
	}
}

// closeName closes what is, or may be, prepared under a name on the server.
func (u *turn) closeName(name, what string) {
	b, at := wire.Begin(u.request, wire.Close)
	u.request = wire.End(wire.AppendString(append(b, 'S'), name), at)
	u.expect(expected{request: reqClose, visibility: hidden, statement: name, closes: what})
}

// showError shows the reason instead of the consequence where a statement that the
// client names could not be made ready.
func (u *turn) showError(frame []byte, visible bool) {
	if !visible || u.withheld == nil {
		u.show(frame, visible)
		return
	}
	u.show(frame, false)
	u.detour()
	u.local = wire.AppendError(u.local, u.withheld)
	u.withheld = nil
}
