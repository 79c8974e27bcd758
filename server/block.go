package server

import (
	"cmp"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// block is the transaction block that the client is in, for as long as no server
// is indispensable for it: BEGIN was answered here, and what was carried out since,
// if anything, has only read. Such a block can be begun again elsewhere at any
// moment, for READ COMMITTED takes a new snapshot for each statement.
type block struct {
	loose bool // false as well when there is no block
	read  bool // something: it is too late for SET TRANSACTION ISOLATION LEVEL
	modes sqlparse.Modes
}

// reach is where the statements of a block may run.
type reach int

const (
	reachPrimary  reach = iota // SERIALIZABLE, REPEATABLE READ that may write, READ WRITE
	reachOne                   // REPEATABLE READ, READ ONLY: the first statement chooses for all
	reachStandbys              // READ COMMITTED: what reads, until something doesn't
)

// reach is that of a block that BEGIN opens with these modes. What the client has
// set as default counts as if BEGIN said it.
func (s *session) reach(m sqlparse.Modes) reach {
	isolation := cmp.Or(m.Isolation, s.isolation)
	switch {
	case m.Access == sqlparse.ReadWrite, s.primaryOnly(), isolation == sqlparse.SerializableLevel:
		return reachPrimary
	case isolation != sqlparse.RepeatableRead:
		return reachStandbys
	case s.readsOnly(m):
		return reachOne
	}
	return reachPrimary
}

// readsOnly reports whether a block of these modes is READ ONLY.
func (s *session) readsOnly(m sqlparse.Modes) bool {
	return m.Access == sqlparse.ReadOnly || (m.Access == sqlparse.AccessDefault && s.readOnly)
}

// isolationNamed reads default_transaction_isolation.
func isolationNamed(value string) sqlparse.Isolation {
	for i := sqlparse.ReadUncommitted; i <= sqlparse.SerializableLevel; i++ {
		if strings.EqualFold(i.String(), value) {
			return i
		}
	}
	return sqlparse.IsolationDefault
}

// isTrue reads a boolean parameter as PostgreSQL does (parse_bool).
func isTrue(value string) bool {
	value = strings.ToLower(value)
	return value == "on" || value == "1" || (value != "" && (strings.HasPrefix("true", value) || strings.HasPrefix("yes", value)))
}

// appendBegin appends the Query that opens a block with these modes; late is for one
// that has read before, which SELECT makes it look like.
func appendBegin(b []byte, m sqlparse.Modes, late bool) []byte {
	b, at := wire.Begin(b, wire.Query)
	b = append(b, "BEGIN"...)
	if m.Isolation != sqlparse.IsolationDefault {
		b = append(append(b, " ISOLATION LEVEL "...), m.Isolation.String()...)
	}
	if m.Access != sqlparse.AccessDefault {
		b = append(append(b, ' '), m.Access.String()...)
	}
	if m.Deferrable {
		b = append(b, " DEFERRABLE"...)
	}
	if late {
		b = append(b, ";SELECT"...)
	}
	return wire.End(append(b, 0), at)
}

// reopen begins the client's block on the server that was leased for what comes
// next in it, in front of that. The client has had its answer long since.
func (u *turn) reopen() {
	if s := u.session; s.block.loose {
		u.request = appendBegin(u.request, s.block.modes, s.block.read && !u.batch.reads())
		u.replies.push(expected{request: reqBegin, visibility: hidden})
		u.replies.boundary = true
	}
}

// tie notes whether the batch, on the server that was leased for it, leaves its
// block free to go on elsewhere.
func (u *turn) tie(need routing.Need) {
	standby := need == routing.Read && u.session.server.Node() != u.primary()
	u.tying, u.reading = u.batch.ties || !standby, u.batch.reads()
	u.opening = nil
	if !u.tying {
		u.opening = u.batch.opens
	}
}

// follow notes what a batch has made of the block. A failed one that is chained loses
// its modes in PostgreSQL, READ ONLY too, but for what a BEGIN behind that has said: it
// can't stay on a standby.
func (u *turn) follow(status wire.TxStatus, e *effects) {
	s := u.session
	switch {
	case e.ends && s.tx == wire.TxFailed && status == wire.TxActive && s.server.Node() != u.primary():
		s.block, u.tying = block{loose: true, modes: e.modes}, false
	case status != wire.TxActive || u.tying:
		s.block = block{}
	case u.opening != nil:
		s.block = block{loose: true, read: u.reading, modes: u.opening.Modes}
	default:
		s.block.read = s.block.read || u.reading
	}
	u.opening = nil
}

// roams reports whether the next batch of the block need not go where the one
// before went: to a standby.
func (u *turn) roams() bool {
	s := u.session
	return s.server != nil && s.block.loose && u.replies.boundary && !u.tying
}

// leaving reports whether a block on a standby is about to end: what the client has
// sent behind that may belong elsewhere.
func (u *turn) leaving() bool {
	s := u.session
	if s.server == nil || s.tx == wire.TxIdle || !u.replies.boundary || s.server.Node() == u.primary() {
		return false
	}
	for i := range u.replies.effects {
		if u.replies.effects[i].ends {
			return true
		}
	}
	return false
}

// goOn decides where a block that has only read so far carries out its next batch.
// One batch is under way at a time, for the standby may still refuse it; but the
// end of the block can come behind.
func (u *turn) goOn() (bool, error) {
	need, ok, err := u.gather()
	if !ok || err != nil {
		return false, err
	}
	ends := u.batch.ends()
	if !u.replies.empty() || !u.flushed() {
		return ends, nil
	}
	u.commit()
	if ends || (need == routing.Read && u.stays()) {
		u.tying, u.reading = u.batch.ties, u.batch.reads()
		u.replay = u.replayable(routing.Read)
		return true, nil
	}
	u.leaveStandby()
	return true, u.lease(need)
}

// stays reports whether the standby may serve the session's next read, too. What
// the session itself has seen does not change in the block.
func (u *turn) stays() bool {
	s := u.session
	if s.route.Consistency != config.ConsistencyGlobal && u.remarks.hint.Target == config.TargetAny {
		return true
	}
	l := leasing{turn: u, need: routing.Read}
	return l.decide().Node == s.server.Node()
}

// leaveStandby has the standby end its part of the block, behind the client's
// back, and return to its pool: nothing was done there that must be kept.
func (u *turn) leaveStandby() {
	s := u.session
	server := s.server
	if u.reply.w != u.reply.r {
		s.dropServer() // it has said something that nobody asked for
		return
	}
	s.server, s.unnamed.server = nil, nil
	s.shard.loop.Go(func(t *reactor.Task) {
		if server.Exec(t, "COMMIT", time.Now().Add(resetTimeout)) != nil {
			server.Pool().Discard(server)
			return
		}
		server.Pool().Release(server)
	})
}

// failBlock notes that a block without a server has failed, and returns the
// client's status.
func (s *session) failBlock() wire.TxStatus {
	if s.tx != wire.TxIdle {
		s.orphan, s.tx, s.block = told, wire.TxFailed, block{}
	}
	return s.tx
}
