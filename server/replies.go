package server

import (
	"cmp"
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// scan looks at the headers of what the server has sent: each frame is due, and
// is shown or hidden. Frames that are shown are left in one run for flush.
func (u *turn) scan() error {
	for {
		if u.relaying > 0 {
			if !u.relayLarge() {
				return nil
			}
			continue
		}
		b := u.reply.data()[u.scanned:]
		typ, size := wire.Peek(b)
		switch {
		case size < 0:
			return errDesync("length of a reply")
		case size == 0:
			return nil
		case !u.replies.empty() && u.replies.first().request.local():
			u.emitLocal()
			continue
		case size > len(b) && (bulky(typ) && u.visible() || size > maxWhole(typ)):
			if err := u.startLarge(typ, size); err != nil {
				return err
			}
			continue
		case size > len(b):
			u.reply.fit(u.scanned + size)
			return nil
		}
		if err := u.onFrame(typ, b[:size]); err != nil {
			return err
		}
		if u.session.server == nil {
			return nil
		}
	}
}

// bulky frames may be passed on in pieces; they can be large and never end an
// exchange.
func bulky(typ byte) bool { return typ == wire.DataRow || typ == wire.CopyData }

// maxWhole is up to which size a frame is read whole. An error must be: it says
// what becomes of the batch, and may quote a value of any size.
func maxWhole(typ byte) int {
	if typ == wire.ErrorResponse {
		return maxError
	}
	return maxGather
}

func (u *turn) startLarge(typ byte, size int) error {
	if typ == wire.ErrorResponse || typ == wire.ReadyForQuery {
		return errDesync("size of a reply")
	}
	if u.replies.empty() || u.replies.first().visibility != shown {
		return errDesync("a large reply that nobody asked for")
	}
	if _, ok := answers(u.replies.first().request, typ); !ok && typ != wire.NoticeResponse {
		return errDesync("message " + string(rune(typ)) + " out of order")
	}
	u.begin()
	u.relaying = size
	return nil
}

func (u *turn) relayLarge() bool {
	n := min(u.relaying, len(u.reply.data())-u.scanned)
	u.scanned += n
	u.relaying -= n
	return n > 0
}

// onFrame deals with one whole frame from the server.
func (u *turn) onFrame(typ byte, frame []byte) error {
	switch typ {
	case wire.NotificationResponse: // whatever we ask meanwhile, it is the client's
		u.session.ownNotification(frame)
		u.show(frame, true)
		return nil
	case wire.NoticeResponse:
		return u.onNotice(frame)
	case wire.ParameterStatus:
		u.onParameter(frame)
		u.show(frame, false)
		return nil
	case wire.ErrorResponse:
		return u.onError(frame)
	case wire.ReadyForQuery:
		return u.onReady(frame)
	}
	if u.replies.empty() {
		return errDesync("message " + string(rune(typ)) + " without a request")
	}
	request, visibility := u.replies.first().request, u.replies.first().visibility
	done, ok := answers(request, typ)
	if !ok {
		return errDesync("message " + string(rune(typ)) + " out of order")
	}
	switch {
	case typ == wire.CopyInResponse:
		u.copyIn()
	case typ == wire.CommandComplete:
		u.copying = false
		if e := u.answering(); visibility == shown && (e.tags || e.blind) {
			tag, _, _ := wire.CString(frame[wire.HeaderLen:])
			u.onTag(string(tag))
		}
	case typ == wire.RowDescription && u.replies.first().uses != "":
		u.learnColumns(frame)
	case typ == wire.DataRow && request == reqInquiry:
		u.learn(frame)
	}
	u.show(frame, visibility == shown)
	if done {
		u.pop()
		u.emitLocal()
	}
	return nil
}

// onNotice passes a notice on, unless it says that the server ends: then the batch may
// be repeated elsewhere before anything of this was shown.
func (u *turn) onNotice(frame []byte) error {
	if e := wire.ParseError(frame[wire.HeaderLen:]); u.replay.unsent() && e.Code == crashShutdown {
		return u.lost(e)
	}
	u.show(frame, u.visible())
	return nil
}

// answers says whether a frame may answer a request, and whether it is the last
// to do so. ReadyForQuery is not among them.
func answers(r request, typ byte) (done, ok bool) {
	switch r {
	case reqQuery, reqInquiry, reqRestore, reqBegin:
		switch typ {
		case wire.DataRow, wire.RowDescription, wire.CommandComplete, wire.EmptyQueryResponse,
			wire.CopyInResponse, wire.CopyOutResponse, wire.CopyData, wire.CopyDone:
			return false, true
		}
	case reqCall:
		return false, typ == wire.FunctionCallResponse
	case reqParse:
		return true, typ == wire.ParseComplete
	case reqBind:
		return true, typ == wire.BindComplete
	case reqClose:
		return true, typ == wire.CloseComplete
	case reqDescribe:
		return true, typ == wire.RowDescription || typ == wire.NoData
	case reqDescribeStatement:
		return typ != wire.ParameterDescription, typ == wire.ParameterDescription || typ == wire.RowDescription || typ == wire.NoData
	case reqExecute:
		switch typ {
		case wire.CommandComplete, wire.EmptyQueryResponse, wire.PortalSuspended:
			return true, true
		case wire.DataRow, wire.CopyInResponse, wire.CopyOutResponse, wire.CopyData, wire.CopyDone:
			return false, true
		}
	}
	return false, false
}

// visible reports whether what the server says on its own account now concerns
// the client.
func (u *turn) visible() bool {
	return u.replies.empty() || u.replies.first().visibility == shown
}

// show leaves the frame at the end of the scanned run, or takes it out.
func (u *turn) show(frame []byte, visible bool) {
	if visible {
		u.scanned += len(frame)
		return
	}
	if u.scanned > 0 {
		u.detour()
	}
	u.reply.consume(len(frame))
}

// emitEarly is emitLocal for when the server has not begun to answer the batch. One
// that can be sent again waits: then the client has seen nothing of the answer yet. A
// batch that is no business of the server's does not.
func (u *turn) emitEarly() {
	if q := &u.replies; !u.replay.reads() || (!q.empty() && q.first().request == localQuery) {
		u.emitLocal()
	}
}

// emitLocal says what we answer ourselves, as soon as it is its turn.
func (u *turn) emitLocal() {
	for !u.replies.empty() {
		var typ byte
		switch u.replies.first().request {
		case localParse:
			typ = wire.ParseComplete
		case localClose:
			typ = wire.CloseComplete
		case localBind, localDescribe, localDescribeStatement, localExecute, localQuery, localMistake:
			u.detour()
			e := *u.replies.first()
			u.answer(&e)
			u.pop()
			if e.request == localQuery {
				u.finish(e.question.end)
			}
			continue
		case reqCopyEnd: // there was no copy to end
			u.pop()
			continue
		default:
			return
		}
		u.detour()
		u.local = wire.AppendFrame(u.local, typ, "")
		u.pop()
	}
}

// copyIn has begun: the server ignores the Syncs that were sent before the end
// of the copy (protocol, "COPY Operations").
func (u *turn) copyIn() {
	q := &u.replies
	extended := q.first().request == reqExecute
	for i := q.head + 1; i < len(q.due); {
		switch {
		case q.due[i].request == reqCopyEnd:
			return
		case q.due[i].request != reqSync:
			i++
			continue
		}
		q.due = slices.Delete(q.due, i, i+1)
		if extended {
			u.effects = q.popEffects() // they belong to the Sync that counts
			q.boundary, extended = false, false
		} else {
			q.effects = q.effects[:len(q.effects)-1] // a Sync's of its own: there are none
		}
	}
	u.copying = true
}

// onError decides what an error of the server's means: the end of the server, that the
// batch has to go elsewhere, or an answer.
func (u *turn) onError(frame []byte) error {
	e := wire.ParseError(frame[wire.HeaderLen:])
	u.toldOf(e)
	switch {
	case e.Severity == wire.SeverityFatal || e.Severity == "PANIC":
		return u.lost(e)
	case u.replies.empty():
		return errDesync("an error without a request")
	case u.replies.first().request == reqBegin:
		return u.lost(e)
	case u.outdated(e):
		u.startOver()
	case u.refused(e):
		u.appealAgainst(e)
	default:
		return u.answerFailed(frame, e)
	}
	return nil
}

// answerFailed takes an error as the answer to the request whose turn it is, and drops
// what the server gives up because of it: everything up to the next Sync.
func (u *turn) answerFailed(frame []byte, e *wire.Error) error {
	request, visibility := u.replies.first().request, u.replies.first().visibility
	switch {
	case request == reqInquiry:
		u.inquiry.failed = true
	case visibility == hidden && request == reqQuery:
		return errDesync("settings of the session were refused: " + e.Message)
	case visibility == silent: // it is the reason why a later request will fail
		u.withheld = e
	default:
		u.failed, u.copying = true, false
		u.substitute(e)
	}
	u.showError(frame, visibility != silent)
	if !request.ready() {
		u.skip()
	}
	return nil
}

// substitute finds the error that the client gets in place of the server's, if ours says
// more: see showError.
func (u *turn) substitute(e *wire.Error) {
	instead := u.replies.first().instead
	switch overdue := u.overdueError(e); {
	case overdue != nil:
		u.withheld = overdue
	case instead != nil:
		u.withheld = instead
	case u.withheld == nil:
		u.withheld = cmp.Or(u.explained(e), u.outgrown(e), u.misnamed(e), u.occupied(e))
	}
}

// onReady ends a batch.
func (u *turn) onReady(frame []byte) error {
	status, err := wire.ParseReady(frame)
	if err != nil || u.replies.empty() {
		return errDesync("ReadyForQuery without a request")
	}
	request, visibility := u.replies.first().request, u.replies.first().visibility
	if !request.ready() {
		return errDesync("ReadyForQuery out of order")
	}
	u.replies.pop()
	visible := request == reqRestore || (visibility == shown && !u.restore())
	if visible {
		u.reportParameters()
	}
	if u.show(frame, visible && !u.partial()); !visible {
		if request == reqInquiry {
			u.conclude()
		}
		u.emitEarly()
		return nil
	}
	done := u.replies.popEffects()
	s := u.session
	u.apply(&done, status)
	u.convict()
	u.failed, u.copying, u.withheld = false, false, nil
	u.follow(status, &done)
	s.tx, s.wrote = status, s.wrote || done.wrote
	u.finish(done.end)
	s.answered(status)
	s.measure(status)
	if status != wire.TxIdle && s.singly() {
		return errTransactionBlock()
	}
	u.observe(status)
	if status == wire.TxIdle {
		s.wrote = false
	}
	u.emitEarly()
	return nil
}

// readReply reads one whole frame from the server; it is valid until the next.
func (u *turn) readReply(deadline time.Time) ([]byte, error) {
	for {
		b := u.reply.data()
		_, size := wire.Peek(b)
		if size < 0 || size > maxGather {
			return nil, errDesync("length of a reply")
		}
		if size > 0 && size <= len(b) {
			u.reply.consume(size)
			return b[:size], nil
		}
		u.reply.fit(size)
		n, err := u.task.Read(u.session.server.Conn, u.reply.room(), deadline)
		if err != nil {
			return nil, err
		}
		u.reply.w += n
	}
}
