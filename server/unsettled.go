package server

import (
	"slices"

	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// What a batch does to names is noted when it is encoded, and undone when the server
// skips it. A batch that uses the same name waits, therefore, until those in front of
// it are answered. The unnamed statement, which most batches replace before they use
// it, is put back without that.

// maxDisputed is among how many due answers a name is looked for.
const maxDisputed = 256

// replaces says what a request does to the unnamed statement.
type replaces uint8

const (
	keepsUnnamed replaces = iota
	replacesUnnamed
	movesUnnamed // has it parsed on the server, unasked
)

// names reports whether a request changes what a name stands for, in the session or
// on the server.
func (e *expected) names() bool { return e.client != "" || e.statement != "" }

// count follows how many of due change something, so that most frames need no search.
func (q *queue) count(e *expected, by int) {
	if e.names() {
		q.naming += by
	}
	if e.replaces != keepsUnnamed {
		q.replaces += by
	}
}

// within reports whether what comes next may be skipped for the sake of what is in
// front of it.
func (q *queue) within() bool { return !q.empty() && !q.due[len(q.due)-1].request.ready() }

// inFront looks for an answer in the batches in front of the one being encoded.
func (q *queue) inFront(affects func(*expected) bool) bool {
	if len(q.due)-q.head > maxDisputed {
		return true
	}
	found := false
	for i := q.head; i < len(q.due); i++ {
		if found && q.due[i].request.ready() {
			return true
		}
		found = found || affects(&q.due[i])
	}
	return false
}

// unsure reports whether the batches in front leave it open what the unnamed statement
// is that the one being encoded inherits.
func (q *queue) unsure() bool {
	if q.replaces == 0 {
		return false
	}
	inherits := false
	for i := len(q.due) - 1; i >= q.head; i-- {
		e := &q.due[i]
		inherits = inherits || e.request.ready()
		if e.replaces != keepsUnnamed {
			return inherits && (e.replaces == movesUnnamed || e.replaced != nil)
		}
	}
	return false
}

// unsettled reports whether a frame waits until the batches in front of its own are
// answered. Of a large one b is the beginning.
func (u *turn) unsettled(typ byte, b []byte) bool {
	q, s := &u.replies, u.session
	if len(q.effects) == 0 || (typ != wire.Parse && q.naming+q.replaces == 0) {
		return false
	}
	name, rest, _ := wire.CString(b[wire.HeaderLen:])
	switch typ {
	case wire.Query:
		return q.naming > 0 && u.unsettledText(s.parse(name))
	case wire.Parse:
		return (len(name) > 0 && u.mayFail()) || (q.naming > 0 && u.unsettledParse(string(name), rest))
	case wire.Bind:
		name, _, _ = wire.CString(rest)
		return u.unsettledUse(string(name))
	case wire.Describe, wire.Close:
		return len(name) > 0 && name[0] == 'S' && (typ == wire.Describe || len(name) > 1) && u.unsettledUse(string(name[1:]))
	}
	return false
}

// unsettledParse is unsettled for Parse, whose name body stands behind.
func (u *turn) unsettledParse(name string, body []byte) bool {
	sql, _, _ := wire.CString(body)
	f := u.session.parse(sql)
	return u.unsettledText(f) || (name != "" && u.unsettledName(name, u.session.shared(body, f).Name))
}

// mayFail reports whether the batches in front may leave a failed transaction to the one
// being encoded. There Parse fails, which is not for us to answer.
func (u *turn) mayFail() bool {
	begins := func(e effects) bool { return e.begins }
	return !u.session.keepsNames() && (u.session.tx != wire.TxIdle || slices.ContainsFunc(u.replies.effects, begins))
}

// unsettledUse is unsettled for what uses a statement.
func (u *turn) unsettledUse(name string) bool {
	if name == "" {
		return u.replies.unsure() || u.unsettledText(u.session.unnamed.facts)
	}
	if u.replies.naming == 0 {
		return false
	}
	p := u.session.prepared[name]
	return u.unsettledName(name, p.statement.Name) || u.unsettledText(p.facts)
}

// unsettledName is unsettled for a name of the client's, and the shared statement it stands for.
func (u *turn) unsettledName(name, statement string) bool {
	return u.replies.inFront(func(e *expected) bool {
		return e.client == name || e.statement == name || (statement != "" && e.statement == statement)
	})
}

// unsettledText is unsettled for PREPARE, EXECUTE and DEALLOCATE.
func (u *turn) unsettledText(f *sqlparse.Facts) bool {
	return f != nil && (len(f.Executes) > 0 || f.Traits.Has(sqlparse.Prepares)) && u.replies.naming > 0 && u.replies.inFront((*expected).names)
}

// setAside is the unnamed statement that is about to be replaced, if it may turn out
// that it has not been.
func (u *turn) setAside() *unnamed {
	if !u.replies.within() {
		return nil
	}
	before := new(unnamed)
	*before, u.session.unnamed = u.session.unnamed, unnamed{}
	return before
}

// putBack undoes what a request was to do to the unnamed statement: what was there
// before it is what the next one replaces.
func (u *turn) putBack(i int) {
	q, s, e := &u.replies, u.session, &u.replies.due[i]
	does, before := e.replaces, e.replaced
	q.count(e, -1)
	e.replaces, e.replaced = keepsUnnamed, nil
	q.count(e, 1)
	next := q.nextReplaced(i)
	switch {
	case does == movesUnnamed && next == nil:
		s.unnamed.server = nil
	case does == movesUnnamed:
		if next.replaced != nil {
			next.replaced.server = nil
		}
	case does == keepsUnnamed || before == nil:
	case next == nil:
		s.unnamed = *before
	case next.replaced != nil:
		next.replaced = before
	}
}

// nextReplaced is the first request behind the i-th that replaces the unnamed statement.
func (q *queue) nextReplaced(i int) *expected {
	for i++; i < len(q.due); i++ {
		if q.due[i].replaces == replacesUnnamed {
			return &q.due[i]
		}
	}
	return nil
}
