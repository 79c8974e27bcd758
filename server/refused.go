package server

import (
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// objection is what a standby's error says of the statement.
type objection int

const (
	noObjection objection = iota // the primary would say the same
	byChance                     // it was in the way of replay
	byNature                     // no standby carries it out
	perhaps                      // the same, if the primary does carry it out
)

// objectionOf sorts SQLSTATEs. For some things that need the primary PostgreSQL has no
// code of their own: unlogged tables (0A000), functions about the log (55000),
// transaction numbers (XX000).
func objectionOf(e *wire.Error) objection {
	switch e.Code {
	case "25006": // read_only_sql_transaction
		return byNature
	case "0A000":
		if e.Routine == revalidate { // see outdated
			return noObjection
		}
		return perhaps
	case "55000", "XX000":
		return perhaps
	case "40001", "40P01", "57P04": // conflicts with recovery, also FATAL
		return byChance
	}
	return noObjection
}

// appeal is against the refusal of a batch by a standby: the batch goes to the
// primary.
type appeal struct {
	pending bool            // no server has been leased for it yet
	suspect *sqlparse.Facts // of the statement that no standby will be asked again, if the primary carries it out
}

// refused reports whether a standby has refused what the primary may accept,
// before the client has seen anything.
func (u *turn) refused(e *wire.Error) bool {
	s := u.session
	return u.replay.reads() && s.server.Node() != u.primary() && s.unpinned() && objectionOf(e) != noObjection
}

// appealAgainst has the primary carry out what a standby has refused; from now on, if it is
// the statement's fault.
func (u *turn) appealAgainst(e *wire.Error) {
	blamed := u.blamed()
	u.startOver()
	u.appeal.pending = true
	switch objectionOf(e) {
	case byNature:
		blamed.RefuseStandby()
	case perhaps:
		u.appeal.suspect = blamed
	}
}

// avoid has a batch that was on a server that the standby has ended carried out by the
// primary, if that was for a conflict: the next one may come soon.
func (u *turn) avoid(err error) {
	e, told := err.(*wire.Error)
	u.appeal.pending = told && objectionOf(e) == byChance && u.session.shard.srv.board.Current().Writable() != cluster.NoNode
}

// startOver gives the server up, in the middle of a batch, and has that encoded again
// for another one.
func (u *turn) startOver() {
	u.session.dropServer()
	u.request, u.sent = u.request[:0], 0
	u.again()
}

// blamed are the facts of the statement that an error answers.
func (u *turn) blamed() *sqlparse.Facts {
	if f := u.replies.first().facts; f != nil {
		return f
	}
	if f := u.answering().facts; f != nil {
		return f
	}
	return &sqlparse.Facts{} // of a frame that carries nothing out
}

// insist overrules what gather has found out about a batch, if a standby has refused
// it.
func (u *turn) insist(need routing.Need) routing.Need {
	if !u.appeal.pending {
		return need
	}
	u.remarks.writes, u.remarks.why = true, routing.Refused
	return routing.Write
}

// convict remembers a statement that the primary has carried out after a standby
// refused it.
func (u *turn) convict() {
	if f := u.appeal.suspect; f != nil && !u.failed {
		f.RefuseStandby()
	}
	u.appeal.suspect = nil
}

// explained is a standby's refusal that the client gets to see, with a hint. A
// transaction that is READ ONLY may not write on the primary either.
func (u *turn) explained(e *wire.Error) *wire.Error {
	s, why := u.session, objectionOf(e)
	if why == noObjection || s.tx == wire.TxIdle || s.server.Node() == u.primary() {
		return nil
	}
	if why == byNature && !u.blamed().ReadOnly() {
		return nil
	}
	return e.WithHint(strings.TrimSpace(e.Hint + " The transaction runs on a standby. SET pgherd.route = 'primary' in front of BEGIN has it run on the primary."))
}

// occupied has what is refused because a database is in use say that our own
// connections to it count, of which the client can't know.
func (u *turn) occupied(e *wire.Error) *wire.Error {
	switch e.Routine {
	case "dropdb", "createdb", "RenameDatabase", "movedb":
		if e.Code == "55006" {
			return e.WithHint("Idle connections of pgherd count, too: RECONNECT and the database's name, on its console, closes them.")
		}
	}
	return nil
}

// overrule has the primary decide whether a read is let in that a standby has refused
// the login for: it may not have replayed yet that the database or user was made.
func (l *leasing) overrule() bool {
	if l.need != routing.Read || l.route.Role != cluster.Standby {
		return false
	}
	l.need = routing.Write
	l.remarks.writes, l.remarks.why = true, routing.Refused
	return true
}
