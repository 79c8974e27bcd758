package server

import (
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// batch is what gather finds out about the one it has looked at.
type batch struct {
	opens   *sqlparse.Facts // BEGIN that stands in it
	leads   *sqlparse.Facts // the first statement behind it
	ties    bool            // its block must stay with the server that carries it out
	alone   *sqlparse.Facts // the only statement that it carries out; nil for none, or what we can't answer for a server
	run     running
	unnamed unnamedUse
	size    int // in bytes, its end included; 0 while that is unknown
}

// unnamedUse is what a batch does with the client's unnamed statement. Of that the
// session keeps the last one only, which matters if the batch is sent again.
type unnamedUse uint8

const (
	unnamedUnused    unnamedUse = iota
	unnamedReplaced             // perhaps used after that
	unnamedInherited            // it uses the one from before
	unnamedBoth                 // it uses that, and replaces it then: it can't be encoded twice
)

// uses follows Bind and Describe of the unnamed statement, and what replaces that.
func (b *batch) uses(what unnamedUse) {
	switch {
	case b.unnamed == unnamedUnused:
		b.unnamed = what
	case b.unnamed == unnamedInherited && what == unnamedReplaced:
		b.unnamed = unnamedBoth
	}
}

// running is how far gather has followed a batch that may be answered here.
type running uint8

const (
	nothingYet running = iota
	parsed
	bound
	executed
	odd // it has more than one statement, or something else in it
)

// need says where a statement may run: in a transaction block, which the batch may
// open itself, or outside. f is nil for one that the batch has named itself, or
// that nobody has.
func (u *turn) need(f *sqlparse.Facts) routing.Need {
	if u.batch.leads == nil && f != u.batch.opens && !u.opens(f) {
		u.batch.leads = f
	}
	switch {
	case f == nil || f == u.batch.opens:
		return routing.Read
	case u.batch.opens != nil:
		return u.needWithin(f, u.batch.opens.Modes)
	case u.session.block.loose:
		return u.needWithin(f, u.session.block.modes)
	case u.opens(f):
		u.batch.opens = f
		return u.session.needOfBlock(f.Modes, &u.batch)
	}
	return needOf(f)
}

// opens reports whether BEGIN and nothing else is the statement, and we may have a
// say in where its block begins. What stands in front of it in the batch belongs to
// the same transaction.
func (u *turn) opens(f *sqlparse.Facts) bool {
	s := u.session
	return f != nil && f.Kind == sqlparse.Begin && f.Tag != "" && s.tx == wire.TxIdle && u.batch.leads == nil && s.shard.srv.config().DeferBegin &&
		!s.keepsServer() && !s.singly()
}

// needOfBlock is where a block of these modes may begin.
func (s *session) needOfBlock(m sqlparse.Modes, b *batch) routing.Need {
	switch s.reach(m) {
	case reachStandbys:
		return routing.Read
	case reachOne:
		b.ties = true
		return routing.Read
	}
	return routing.Write
}

// needWithin is where a statement may run in a block of these modes that is not
// tied to a server yet.
func (u *turn) needWithin(f *sqlparse.Facts, m sqlparse.Modes) routing.Need {
	s := u.session
	if s.needOfBlock(m, &u.batch) == routing.Write {
		return routing.Write
	}
	switch {
	case f.Kind == sqlparse.Empty, f.Traits.Has(sqlparse.Ends) && f.Tag != "":
		return routing.Read
	case f.Traits.Has(sqlparse.Begins), f.Traits.Has(sqlparse.Ends):
		return routing.Write
	case balanced(f):
		return routing.Read
	case s.readsOnly(m) && (needOf(f) == routing.Read || readsCursor(f)):
		u.batch.ties = true
		return routing.Read
	}
	return routing.Write
}

// balanced reports whether a statement is a plain read: no matter on which server
// it runs, and on which one what follows it.
func balanced(f *sqlparse.Facts) bool {
	switch f.Kind {
	case sqlparse.Select, sqlparse.CopyTo, sqlparse.Explain:
	default:
		return false
	}
	const more = sqlparse.TransactionBound | sqlparse.MultiStatement | sqlparse.SessionState | sqlparse.Locks
	return needOf(f) == routing.Read && f.Traits&more == 0
}

// readsCursor reports whether a standby can carry out DECLARE, FETCH or CLOSE.
func readsCursor(f *sqlparse.Facts) bool {
	const more = sqlparse.Locks | sqlparse.PrimaryOnly | sqlparse.MultiStatement
	return f.Traits.Has(sqlparse.Cursors) && f.Traits&more == 0 && f.Pin == sqlparse.PinNone && !f.StandbyRefused()
}

// leaves judges a portal that the batch may leave open for the next: one that has a
// name or was given a limit.
func (u *turn) leaves(open bool) routing.Need {
	s, m := u.session, u.session.block.modes
	switch {
	case u.batch.opens != nil:
		m = u.batch.opens.Modes
	case !s.block.loose:
		return routing.Read
	}
	u.batch.ties = u.batch.ties || open
	if open && !s.readsOnly(m) {
		return routing.Write
	}
	return routing.Read
}

// limited reports whether Execute may leave rows for later.
func limited(body []byte) bool {
	_, rest, ok := wire.CString(body)
	return !ok || string(rest) != "\x00\x00\x00\x00"
}

// reads reports whether the batch begins with a statement that takes a snapshot.
func (b *batch) reads() bool {
	if b.leads == nil {
		return false
	}
	switch b.leads.Kind {
	case sqlparse.Select, sqlparse.Insert, sqlparse.Update, sqlparse.Delete, sqlparse.Merge:
		return true
	}
	return false
}

// ends reports whether COMMIT or ROLLBACK is all there is.
func (b *batch) ends() bool {
	return b.run == executed && b.alone.Tag != "" && b.alone.Traits.Has(sqlparse.Ends)
}

// look follows the batch, frame by frame, for as long as it may be one that we can
// answer. f is of Query, Parse and Bind.
func (b *batch) look(typ byte, body []byte, f *sqlparse.Facts) {
	from, to := nothingYet, executed
	switch {
	case typ == wire.Sync, typ == wire.Describe && b.describes(body):
		return
	case typ == wire.Query:
	case typ == wire.Parse && plainParse(body):
		to = parsed
	case typ == wire.Bind && plainBind(body) && b.run <= parsed:
		from, to = b.run, bound
	case typ == wire.Execute && len(body) > 0 && body[0] == 0:
		from, f = bound, b.alone
	default:
		f = nil
	}
	if b.run != from || f == nil || (b.alone != nil && b.alone != f) {
		b.run = odd
		return
	}
	b.run, b.alone = to, f
}

// describes reports whether Describe asks for what the batch has made last.
func (b *batch) describes(body []byte) bool {
	return string(body) == "S\x00" && b.run == parsed || string(body) == "P\x00" && b.run == bound
}

// plainParse reports whether Parse is of the unnamed statement and tells no types.
func plainParse(body []byte) bool {
	name, rest, _ := wire.CString(body)
	_, rest, ok := wire.CString(rest)
	return ok && len(name) == 0 && string(rest) == "\x00\x00"
}

// plainBind reports whether Bind makes the unnamed portal, without parameters.
func plainBind(body []byte) bool {
	portal, rest, _ := wire.CString(body)
	_, rest, ok := wire.CString(rest)
	return ok && len(portal) == 0 && len(rest) >= 4 && string(rest[:4]) == "\x00\x00\x00\x00"
}
