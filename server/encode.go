package server

import (
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// advance takes frames from the client for as long as they are complete and the
// server can take more.
func (u *turn) advance() (moved bool, err error) {
	for len(u.request)-u.sent <= maxRequest && len(u.local) <= maxRequest {
		if u.replies.crowded() && u.passing == 0 {
			u.awaitAnswers()
			return moved, nil
		}
		more, err := u.advanceFrame()
		if !more || err != nil {
			return moved, err
		}
		moved = true
	}
	return moved, nil
}

// awaitAnswers leaves the next frame where it is. The server may keep its answers to
// itself until the batch ends, whose end is what waits: Flush has it send them.
func (u *turn) awaitAnswers() {
	u.holding = true
	if q := &u.replies; !q.boundary && !q.flushed && u.session.server != nil {
		q.flushed = true
		u.request = wire.AppendFrame(u.request, wire.Flush, "")
	}
}

func (u *turn) advanceFrame() (bool, error) {
	u.holding = false
	switch {
	case u.passing > 0:
		return u.pass(), nil
	case u.parted != notParted:
		return false, nil
	}
	typ, size := wire.Peek(u.pending())
	switch {
	case size == 0:
		return false, nil
	case size < 0 || (size > maxGather && !mayBeLarge(typ)):
		return false, wire.Violation("length of message %q", typ)
	case typ == wire.Terminate && (u.starved() || (u.replies.empty() && u.flushed())):
		return false, errTerminate
	case typ == wire.Terminate:
		return false, nil
	case !known(typ):
		return false, wire.Violation("unknown message type %q", typ)
	}
	s := u.session
	if s.server != nil && u.skipping && typ != wire.Sync {
		return u.drop(size), nil // the server would ignore it
	}
	if s.server == nil {
		u.detour() // what we answer comes behind what the server has said
		if done, handled := u.alone(typ, size); handled {
			return done, nil
		}
	}
	if done, handled := u.questioned(typ, size); handled {
		return done, nil
	}
	if ready, err := u.ready(); !ready || err != nil {
		return err == errAnswered, unanswered(err)
	}
	return u.encode(typ, size)
}

// known tells the messages that a client may send once it is logged in.
func known(typ byte) bool {
	switch typ {
	case wire.Describe, wire.Close, wire.Execute, wire.Sync, wire.Flush, wire.CopyDone, wire.CopyFail:
		return true
	}
	return mayBeLarge(typ)
}

// mayBeLarge tells the messages that carry what the application sends.
func mayBeLarge(typ byte) bool {
	switch typ {
	case wire.Query, wire.Parse, wire.Bind, wire.CopyData, wire.FunctionCall:
		return true
	}
	return false
}

// alone deals with frames that need no server. done is false while the frame
// has not come whole.
func (u *turn) alone(typ byte, size int) (done, handled bool) {
	switch typ {
	case wire.CopyData, wire.CopyDone, wire.CopyFail, wire.Flush: // a copy has failed already
		return u.drop(size), true
	case wire.Sync:
		if !u.whole(size) {
			return false, true
		}
		u.take(size)
		u.skipping, u.ended = false, nil
		u.local = wire.AppendReady(u.local, u.session.tx)
		return true, true
	}
	if u.session.orphan != notOrphaned {
		return u.orphanFrame(typ, size), true
	}
	if u.skipping {
		return u.drop(size), true
	}
	return false, false
}

// drop takes a frame without passing it on.
func (u *turn) drop(size int) bool {
	u.passing, u.dropped = size, true
	return u.pass()
}

// whole reports whether a frame has come completely, and makes room for the rest.
func (u *turn) whole(size int) bool {
	if size <= len(u.pending()) {
		return true
	}
	u.in.fit(u.taken + size)
	return false
}

// ready sees to it that there is a server that suits the next batch. It is false
// while more of the batch, or the end of the one before, must come first. The error is
// errAnswered when the batch was answered without a server.
func (u *turn) ready() (bool, error) {
	s := u.session
	switch {
	case u.replies.forgetful(), u.opening != nil && u.replies.boundary, u.leaving():
		return false, nil // what these batches come to decides where the next one may go
	case u.roams():
		return u.goOn()
	case u.remains():
		if u.replies.boundary && !u.replies.empty() {
			u.commit() // one batch at most is sent again
		}
		return true, nil
	case s.server != nil && u.batch.unnamed == unnamedInherited:
		return false, nil // what follows may replace the statement, and it may have to be sent again
	}
	need, ok, err := u.gather()
	if !ok || err != nil {
		return false, err
	}
	if s.primaryOnly() {
		need = routing.Write
	}
	need = u.insist(need)
	if s.server != nil {
		return u.joins(need), nil
	}
	return u.place(need)
}

// remains reports whether the next batch goes to the server that the session has, without
// a look at it: the server can't be changed, or it is the primary, which serves anything.
func (u *turn) remains() bool {
	s := u.session
	return s.server != nil && (!s.movable() || !u.replies.boundary || s.server.Node() == u.primary())
}

// joins reports whether a batch may be sent to a standby behind others, each of which may
// have to be sent again.
func (u *turn) joins(need routing.Need) bool {
	return need == routing.Read && u.batch.opens == nil && u.batch.unnamed != unnamedBoth && u.taken <= maxRequest
}

// place leases a server for the batch that gather has looked at, unless it can be answered
// without one.
func (u *turn) place(need routing.Need) (bool, error) {
	switch {
	case u.playable():
		u.play()
		return true, errAnswered
	case u.session.block.loose && !u.flushed(): // a standby may refuse what can be sent again only
		return false, nil
	case u.blockRefused():
		return true, u.refuse(errTransactionBlock())
	}
	return true, u.lease(need)
}

// keepsServer reports whether a server stays with the session until its end.
func (s *session) keepsServer() bool { return s.profile.Mode == config.PoolSession }

// singly reports whether a server is the session's for one statement only.
func (s *session) singly() bool { return s.profile.Mode == config.PoolStatement }

// primaryOnly reports whether the session has set something under which
// standbys answer differently or the facts don't hold.
func (s *session) primaryOnly() bool { return s.onPrimary || s.keepsServer() }

// encode translates one frame for the server. It is false while the frame must
// come whole and has not.
func (u *turn) encode(typ byte, size int) (bool, error) {
	if size > maxGather && size > len(u.pending()) && mayBeLarge(typ) {
		return u.encodeLarge(typ, size)
	}
	if !u.whole(size) {
		return false, nil
	}
	frame := u.pending()[:size]
	if u.holding = u.unsettled(typ, frame); u.holding {
		return false, nil
	}
	if u.part(typ) {
		return true, nil
	}
	u.effects.end = u.before + u.taken + size
	switch typ {
	case wire.Query:
		if u.partText(frame) {
			return true, nil
		}
		u.encodeQuery(frame)
	case wire.Parse:
		u.session.tally.ClientParses++
		if err := u.encodeParse(frame); err != nil {
			return false, err
		}
	case wire.Bind:
		u.session.tally.Binds++
		if err := u.encodeBind(frame, size); err != nil {
			return false, err
		}
	case wire.Describe, wire.Close:
		if err := u.encodeTarget(typ, frame); err != nil {
			return false, err
		}
	case wire.Execute:
		u.forwardFor(u.effects.facts, frame, reqExecute)
	case wire.FunctionCall:
		u.effects.wrote = true
		u.forward(frame, reqCall)
		u.endBatch()
	case wire.Sync:
		if !u.copying { // the server ignores it until the copy ends
			u.forward(frame, reqSync)
			u.endBatch()
		}
	case wire.Flush, wire.CopyData:
		u.request = append(u.request, frame...)
	case wire.CopyDone, wire.CopyFail:
		u.copying = false
		u.forward(frame, reqCopyEnd)
	}
	u.take(size)
	u.emitEarly()
	return true, nil
}

// forward passes a frame on as it is and expects an answer.
func (u *turn) forward(frame []byte, r request) {
	u.request = append(u.request, frame...)
	u.expect(expected{request: r})
}

// forwardFor is forward for what is about a statement.
func (u *turn) forwardFor(f *sqlparse.Facts, frame []byte, r request) {
	u.request = append(u.request, frame...)
	u.expect(expected{request: r, facts: f})
}

// expect queues what the server will answer.
func (u *turn) expect(e expected) { u.replies.push(e) }

// endBatch hands the effects of the batch to its ReadyForQuery.
func (u *turn) endBatch() {
	u.replies.finish(u.effects)
	u.effects = effects{}
	u.skipping = false
}

// encodeLarge passes on a frame that is too large to be looked at whole, as it
// comes. What it may contain is unknown.
func (u *turn) encodeLarge(typ byte, size int) (bool, error) {
	b := u.pending()
	switch typ {
	case wire.CopyData:
	case wire.Query:
		before := u.setAside()
		u.session.unnamed = unnamed{}
		u.effects.wrote, u.effects.doubt, u.effects.blind = true, doubtSettings|doubtPins, true
		u.expect(expected{request: reqQuery, replaces: replacesUnnamed, replaced: before})
		u.endBatch()
	case wire.FunctionCall:
		u.effects.wrote = true
		u.expect(expected{request: reqCall})
		u.endBatch()
	default:
		if len(b) < bufferSize/2 { // the names stand in front
			u.in.fit(u.taken + bufferSize)
			return false, nil
		}
		if u.holding = u.unsettled(typ, b); u.holding {
			return false, nil
		}
		if typ == wire.Bind {
			return true, u.encodeBind(b, size)
		}
		if err := u.encodeLargeParse(b); err != nil {
			return false, err
		}
	}
	u.commit()
	u.passing = size
	return u.pass(), nil
}

// pass moves bytes of a frame; without a server they are dropped.
func (u *turn) pass() bool {
	b := u.pending()
	n := min(len(b), u.passing)
	if u.session.server != nil && !u.dropped {
		u.request = append(u.request, b[:n]...)
	}
	u.take(n)
	u.passing -= n
	u.dropped = u.dropped && u.passing > 0
	return n > 0
}

func (u *turn) encodeQuery(frame []byte) {
	s := u.session
	sql, _, _ := wire.CString(frame[wire.HeaderLen:])
	f := u.nextFacts(sql)
	before := u.setAside()
	s.unnamed.body, s.unnamed.facts = nil, nil // a simple Query ends the unnamed statement
	if e := s.misset(f, sql); e != nil {
		u.refuseQuery(e, before)
		return
	}
	u.asked(f)
	u.desert(f)
	u.effects.note(s.judged(f), sql)
	u.nameInQuery(f, sql)
	u.request = append(u.request, frame...)
	u.expect(expected{request: reqQuery, facts: f, replaces: replacesUnnamed, replaced: before})
	u.endBatch()
}
