package server

import (
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// A transaction whose server was lost is an orphan. The client still believes to be in
// it, so we play the server's part until the client ends it: the transaction has
// failed, and everything but COMMIT and ROLLBACK is refused.

// orphan is what the client knows of its lost transaction.
type orphan int

const (
	notOrphaned orphan = iota
	untold             // nothing yet: its next request gets the reason as an error
	told               // the reason; further requests get PostgreSQL's 25P02
)

// orphanFrame answers one frame of the client's. It is false while the frame has not
// come whole.
func (u *turn) orphanFrame(typ byte, size int) bool {
	if size > maxGather {
		u.orphanRefuse(typ)
		return u.drop(size)
	}
	if !u.whole(size) {
		return false
	}
	body := u.pending()[wire.HeaderLen:size]
	switch {
	case typ == wire.Query:
		if u.orphanQuery(body) {
			return true
		}
	case typ == wire.FunctionCall:
		u.orphanRefuse(typ)
	case u.skipping:
	default:
		u.orphanExtended(typ, body)
	}
	u.take(size)
	return true
}

// orphanRefuse answers a frame that can't end the transaction.
func (u *turn) orphanRefuse(typ byte) {
	if u.skipping {
		return
	}
	u.local = wire.AppendError(u.local, u.orphanError())
	if typ == wire.Query || typ == wire.FunctionCall {
		u.local = wire.AppendReady(u.local, u.session.tx)
		return
	}
	u.skipping = true
}

// orphanQuery answers a simple Query, with ReadyForQuery. If its text goes on behind the
// end of the transaction, the rest is left for a server.
func (u *turn) orphanQuery(body []byte) (rest bool) {
	sql, _, _ := wire.CString(body)
	f := u.session.shard.srv.parser.Parse(sql)
	n, first := 0, f.Traits.Has(sqlparse.Ends)
	if f.Traits.Has(sqlparse.MultiStatement) {
		n, first = sqlparse.Parting(string(sql))
	}
	switch {
	case !first:
		u.local = wire.AppendError(u.local, u.orphanError())
	case n > 0:
		u.endOrphan(u.session.shard.srv.parser.Parse(sql[:n]))
		blank(sql[:n])
		return true
	default:
		u.endOrphan(f)
	}
	u.local = wire.AppendReady(u.local, u.session.tx)
	return false
}

// endOrphan ends the transaction by a statement of these facts. PostgreSQL answers
// ROLLBACK to the COMMIT of a failed transaction, too; AND CHAIN opens the next one.
func (u *turn) endOrphan(f *sqlparse.Facts) {
	s := u.session
	s.orphan, s.tx, u.ended = notOrphaned, wire.TxIdle, nil
	if f.Traits.Has(sqlparse.Begins) {
		s.tx, s.block = wire.TxActive, block{loose: true}
	}
	u.local = wire.AppendCommandComplete(u.local, "ROLLBACK")
}

// orphanError is the bad news first, then what PostgreSQL says in a failed
// transaction.
func (u *turn) orphanError() *wire.Error {
	if u.session.orphan == untold {
		u.session.orphan = told
		return wire.Errorf("40001", "the node was lost in the middle of the transaction, which was rolled back").
			WithHint("The transaction can be repeated.")
	}
	return errAborted()
}

// orphanParse keeps a statement that ends the transaction; others are refused.
func (u *turn) orphanParse(body []byte) bool {
	s := u.session
	name, rest, _ := wire.CString(body)
	sql, _, ok := wire.CString(rest)
	facts := s.shard.srv.parser.Parse(sql)
	if !ok || !facts.Traits.Has(sqlparse.Ends) {
		return false
	}
	u.ended = facts
	if len(name) == 0 {
		s.unnamed = unnamed{body: append([]byte(nil), rest...), facts: facts}
	} else {
		s.remember(string(name), prepared{statement: s.shared(rest, facts), facts: facts})
	}
	return true
}

// orphanExtended plays the server's part for COMMIT or ROLLBACK in the extended
// protocol; everything else is an error.
func (u *turn) orphanExtended(typ byte, body []byte) {
	switch typ {
	case wire.Parse:
		if u.orphanParse(body) {
			u.local = wire.AppendFrame(u.local, wire.ParseComplete, "")
			return
		}
	case wire.Bind:
		_, rest, _ := wire.CString(body)
		name, _, _ := wire.CString(rest)
		u.unnamed = u.session.unnamed.facts
		if f := u.factsOf(name); f != nil && f.Traits.Has(sqlparse.Ends) {
			u.ended = f
			u.local = wire.AppendFrame(u.local, wire.BindComplete, "")
			return
		}
	case wire.Describe:
		if u.ended != nil {
			if len(body) > 0 && body[0] == 'S' {
				u.local = wire.AppendFrame(u.local, wire.ParameterDescription, "\x00\x00")
			}
			u.local = wire.AppendFrame(u.local, wire.NoData, "")
			return
		}
	case wire.Execute:
		if u.ended != nil {
			u.endOrphan(u.ended)
			return
		}
	case wire.Close:
		u.local = wire.AppendFrame(u.local, wire.CloseComplete, "")
		return
	}
	u.local = wire.AppendError(u.local, u.orphanError())
	u.skipping = true
}
