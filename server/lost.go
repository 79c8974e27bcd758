package server

import (
	"errors"
	"slices"

	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// crashShutdown is the SQLSTATE of the warning that is a server's last word when
// another one has crashed.
const crashShutdown = "57P02"

// lost deals with the end of the server's connection. The client stays: a batch
// that nobody can have carried out, or that only reads and has shown nothing, is
// sent again elsewhere; otherwise the client is told what became of it.
func (u *turn) lost(err error) error {
	s := u.session
	node := int(s.server.Node())
	s.shard.srv.pools.Report(s.server, err)
	s.dropServer()
	u.request, u.sent = u.request[:0], 0
	if s.keepsServer() {
		return u.lostForGood(err, node)
	}
	if s.tx != wire.TxIdle { // what it has set goes with the transaction
		s.doubt, s.names = 0, nil
	}
	if u.replay.unsent() && (s.tx == wire.TxIdle || s.block.loose) && s.unpinned() {
		u.again()
		u.avoid(err)
		return nil
	}
	u.dropReply()
	if u.lastsBehind() {
		u.abridge(node)
		u.again()
		return nil
	}
	switch {
	case u.relaying > 0: // in the middle of a frame: nothing can be said
		return errReadLost(node)
	case s.pin != sqlparse.PinNone:
		return errPinLost(node, s.pin.String())
	case s.doubt != 0:
		return errPinLost(node, sqlparse.PinSessionSet.String())
	case u.replies.empty() && s.block.loose: // it goes on elsewhere
		return nil
	case u.replies.empty() && s.tx != wire.TxIdle:
		s.orphan, s.tx = untold, wire.TxFailed
		return nil
	}
	return u.answerLost(node)
}

// lastsBehind reports whether batches behind the one under way, whose answer has been
// broken off, can be sent again.
func (u *turn) lastsBehind() bool {
	s := u.session
	return u.replay == replayLater && u.relaying == 0 && len(u.replies.effects) > 0 &&
		s.tx == wire.TxIdle && u.opening == nil && s.unpinned()
}

// abridge ends the answer to the batch under way.
func (u *turn) abridge(node int) {
	if !u.failed {
		u.local = wire.AppendError(u.local, errReadLost(node))
	}
	u.local = wire.AppendReady(u.local, wire.TxIdle)
	u.finish(u.replies.effects[0].end)
}

// lostForGood ends a session that is one with its server, in the server's words
// if it has said any.
func (u *turn) lostForGood(err error, node int) error {
	u.dropReply()
	if u.relaying > 0 {
		return errReadLost(node)
	}
	var told *wire.Error
	if errors.As(err, &told) {
		return told
	}
	return errPinLost(node, "session mode")
}

// dropReply forgets what the server said last; what the client was to see of it
// is kept.
func (u *turn) dropReply() {
	u.detour()
	u.reply.consume(len(u.reply.data()))
}

// again has the batch encoded once more, for another server, with those behind it.
// Nothing of the answer so far has reached the client, or will.
func (u *turn) again() {
	u.detour()
	u.local = u.local[:u.answered]
	u.reply.reset()
	u.forgetAhead()
	u.taken = 0
	u.replay = replayNever
	u.undoBatch()
	u.replies.clear()
	u.effects = effects{}
	u.failed, u.skipping, u.copying = false, false, false
	u.opening, u.passing, u.dropped = nil, 0, false
}

// answerLost tells the client about every batch whose answer will not come.
func (u *turn) answerLost(node int) error {
	s := u.session
	e := u.verdict(node)
	after := wire.TxIdle
	if s.tx != wire.TxIdle && e.Code != "08007" {
		s.orphan, after = told, wire.TxFailed
	}
	u.unpart()
	answered := u.failed // it has been told something else
	for _, x := range u.replies.due[u.replies.head:] {
		if x.visibility != shown {
			continue
		}
		if !answered {
			u.local = wire.AppendError(u.local, e)
			answered = true
		}
		if x.request.ready() {
			u.local = wire.AppendReady(u.local, after)
			answered = false
		}
	}
	u.skipping = answered
	s.tx, s.wrote, s.block = after, false, block{}
	u.commit()
	u.undoAll()
	u.replies.clear()
	u.effects, u.failed, u.copying = effects{}, false, false
	return nil
}

// verdict says what is known about the fate of the batches under way.
func (u *turn) verdict(node int) *wire.Error {
	all := append(slices.Clone(u.replies.effects), u.effects)
	ends := slices.ContainsFunc(all, func(e effects) bool { return e.ends })
	wrote := u.session.wrote || slices.ContainsFunc(all, func(e effects) bool { return e.wrote })
	switch {
	case u.session.tx != wire.TxIdle && !(ends && wrote): // nothing can have been committed
		return errRolledBack(node)
	case wrote:
		return errUnknownOutcome(node)
	}
	return errReadLost(node)
}
