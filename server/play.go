package server

import (
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// playable reports whether the batch is BEGIN, or the end of a block of which no
// server knows, and nothing else: then we answer it ourselves.
func (u *turn) playable() bool {
	b, s := &u.batch, u.session
	return s.server == nil && b.run == executed && (b.alone == b.opens || (s.block.loose && b.ends()))
}

// play answers the batch.
func (u *turn) play() {
	for b := u.pending()[:u.batch.size]; len(b) > 0; {
		typ, size := wire.Peek(b)
		u.playFrame(typ, b[wire.HeaderLen:size])
		b = b[size:]
	}
	u.played()
}

// played leaves the batch behind.
func (u *turn) played() {
	u.forgetAhead()
	u.take(u.batch.size)
}

func (u *turn) playFrame(typ byte, body []byte) {
	s, f := u.session, u.batch.alone
	switch typ {
	case wire.Query:
		s.unnamed = unnamed{body: nil}
		u.playStatement(f)
		u.playReady()
	case wire.Parse:
		_, rest, _ := wire.CString(body)
		s.unnamed = unnamed{body: append(s.unnamed.body[:0], rest...), facts: f}
		u.local = wire.AppendFrame(u.local, wire.ParseComplete, "")
	case wire.Bind:
		u.local = wire.AppendFrame(u.local, wire.BindComplete, "")
	case wire.Describe:
		if body[0] == 'S' {
			u.local = wire.AppendFrame(u.local, wire.ParameterDescription, "\x00\x00")
		}
		u.local = wire.AppendFrame(u.local, wire.NoData, "")
	case wire.Execute:
		u.playStatement(f)
	case wire.Sync:
		u.playReady()
	}
}

// playStatement carries out BEGIN, COMMIT or ROLLBACK.
func (u *turn) playStatement(f *sqlparse.Facts) {
	s := u.session
	if f == u.batch.opens {
		s.tx, s.block = wire.TxActive, block{loose: true, modes: f.Modes}
	} else {
		s.tx, s.block = wire.TxIdle, block{}
	}
	u.local = wire.AppendCommandComplete(u.local, f.Tag)
}

func (u *turn) playReady() {
	u.local = wire.AppendReady(u.local, u.session.tx)
	u.session.answered(u.session.tx)
}
