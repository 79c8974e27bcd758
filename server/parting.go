package server

import (
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// A batch may go on behind the end of a block that ran on a standby, with something that
// the primary must carry out. So it is parted there: the rest is looked at as a batch of
// its own when the block has ended. The client gets one ReadyForQuery.

// parted says that the first part of a batch is under way, and what the rest is.
type parted uint8

const (
	notParted parted = iota
	inText           // the rest of a Query's text
	inFrames         // messages up to Sync
)

// part ends the batch in front of a message that begins a statement, if its block has
// come to its end.
func (u *turn) part(typ byte) bool {
	switch typ {
	case wire.Parse, wire.Bind, wire.Query, wire.FunctionCall:
	default:
		return false
	}
	if !u.effects.ends || !u.partable() {
		return false
	}
	u.parted = inFrames
	u.request = wire.AppendFrame(u.request, wire.Sync, "")
	u.expect(expected{request: reqSync})
	u.endBatch()
	return true
}

// partText has a Query carried out up to the end of its block, and leaves the rest of
// its text where it stands.
func (u *turn) partText(frame []byte) bool {
	sql, _, _ := wire.CString(frame[wire.HeaderLen:])
	const both = sqlparse.Ends | sqlparse.MultiStatement
	if !u.partable() || u.session.parse(sql).Traits&both != both {
		return false
	}
	n, _ := sqlparse.Parting(string(sql))
	if n == 0 {
		return false
	}
	u.forgetAhead()
	u.encodeQuery(wire.AppendQuery(nil, string(sql[:n])))
	blank(sql[:n])
	u.parted = inText
	return true
}

// partable reports whether the batch is tied to a standby. One that only reads can go to
// the primary as a whole.
func (u *turn) partable() bool {
	return u.replay == replayNever && u.session.server.Node() != u.primary()
}

// partial reports whether ReadyForQuery ends the first part of a batch only, and the
// client does not see it therefore. If that part has failed, the rest is dropped.
func (u *turn) partial() bool {
	if !u.replies.empty() { // it is of a batch in front of that
		return false
	}
	was := u.parted
	u.parted = notParted
	switch {
	case was == inText && u.failed:
		u.takeRest()
		return false
	case was == inFrames:
		u.skipping = u.failed
	}
	return was != notParted
}

// unpart drops the rest of a batch whose first part is lost.
func (u *turn) unpart() {
	switch q := &u.replies; u.parted {
	case inText:
		u.takeRest()
	case inFrames:
		q.due = q.due[:len(q.due)-1] // the Sync was ours: the client's own has to come yet
	}
	u.parted = notParted
}

// takeRest leaves the rest of a Query behind.
func (u *turn) takeRest() {
	_, size := wire.Peek(u.pending())
	u.take(size)
}

// blank makes a comment of what has been carried out, so that positions in errors about
// the rest still count from the beginning of the text.
func blank(text []byte) {
	for i, c := range text {
		if c < 0x80 && c != '\n' {
			text[i] = ' '
		}
	}
	copy(text, "/*")
	copy(text[len(text)-2:], "*/")
}
