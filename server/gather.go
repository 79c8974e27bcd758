package server

import (
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// gather looks ahead over the batch that the client has begun and says what it
// needs of a node. ok is false while too little has come to know: a batch ends
// with Query, Sync, Flush or FunctionCall. The facts found on the way are kept
// for encode.
func (u *turn) gather() (need routing.Need, ok bool, err error) {
	u.forgetAhead()
	u.unnamed = u.session.unnamed.facts
	u.remarks, u.batch, need = remarks{}, batch{}, routing.Read
	for b := u.pending(); ; {
		typ, size := wire.Peek(b)
		seen := len(u.pending()) - len(b)
		switch {
		case size < 0:
			return need, false, wire.Violation("length of message %q", typ)
		case size > maxGather && size > len(b), seen > maxGather:
			u.batch.run, u.batch.ties = odd, true
			return routing.Write, true, nil // not worth the memory
		case size == 0 || size > len(b):
			u.in.fit(u.taken + seen + max(size, wire.HeaderLen))
			return need, false, nil
		}
		frameNeed, end := u.judge(typ, b[wire.HeaderLen:size])
		if frameNeed == routing.Write {
			need = routing.Write
		}
		if end {
			u.batch.size = seen + size
			return need, true, nil
		}
		b = b[size:]
	}
}

// judge says what one frame needs, and whether the batch ends with it.
func (u *turn) judge(typ byte, body []byte) (need routing.Need, end bool) {
	switch typ {
	case wire.Query:
		sql, _, _ := wire.CString(body)
		f := u.classify(sql)
		u.batch.uses(unnamedReplaced)
		u.batch.look(typ, body, f)
		return u.need(f), true
	case wire.Parse:
		name, rest, _ := wire.CString(body)
		sql, _, _ := wire.CString(rest)
		f := u.classify(sql)
		if len(name) == 0 {
			u.unnamed = f
			u.batch.uses(unnamedReplaced)
		}
		u.batch.look(typ, body, f)
		return u.need(f), false
	case wire.Bind:
		portal, rest, _ := wire.CString(body)
		name, _, _ := wire.CString(rest)
		f := u.factsOf(name)
		if len(name) == 0 {
			u.batch.uses(unnamedInherited)
		}
		u.batch.look(typ, body, f)
		return min(u.need(f), u.leaves(len(portal) > 0)), false
	case wire.FunctionCall, wire.Flush: // behind Flush the batch may go on with a write
		u.batch.run = odd
		return routing.Write, true
	}
	if (typ == wire.Describe || typ == wire.Close) && string(body) == "S\x00" {
		u.batch.uses(unnamedInherited)
		if typ == wire.Close {
			u.batch.uses(unnamedReplaced)
		}
	}
	u.batch.look(typ, body, nil)
	return u.leaves(typ == wire.Execute && limited(body)), typ == wire.Sync || typ == wire.Terminate
}

// classify looks a text up and keeps the facts for encode; what they say about this
// database now is for gather only.
func (u *turn) classify(sql []byte) *sqlparse.Facts {
	u.giveWay()
	f := u.session.parse(sql)
	u.ahead = append(u.ahead, f)
	return u.remark(f)
}

// mostParses is how many texts that the cache does not know are parsed before others on
// the loop have their turn. Each may take milliseconds.
const mostParses = 4

// giveWay lets others have their turn when the client has sent many texts that had to be
// parsed. Those of other loops count too, for they are not counted apart.
func (u *turn) giveWay() {
	parsed := u.session.shard.srv.parser.Parsed()
	if parsed-u.parsed >= mostParses {
		u.task.GiveWay()
		u.parsed, u.gaveWay = parsed, true
	}
}

// remark judges the facts of a statement and notes what routing must know of them.
func (u *turn) remark(f *sqlparse.Facts) *sqlparse.Facts {
	f = u.session.judged(f)
	u.remarks.add(f, u.session.shard.srv.nodes())
	return f
}

// nextFacts are the facts of the next Query or Parse in order, as gathered or
// found now.
func (u *turn) nextFacts(sql []byte) *sqlparse.Facts {
	if len(u.ahead) == 0 {
		u.giveWay()
		return u.session.parse(sql)
	}
	f := u.ahead[0]
	u.ahead = u.ahead[:copy(u.ahead, u.ahead[1:])] // keeps the array
	return f
}

// forgetAhead drops what was gathered for encode.
func (u *turn) forgetAhead() {
	clear(u.ahead)
	u.ahead = u.ahead[:0]
}

// factsOf are the facts of a prepared statement as of the batch; nil when there
// is none of the name, or when the batch itself names it.
func (u *turn) factsOf(name []byte) *sqlparse.Facts {
	if len(name) == 0 {
		return u.remark(u.unnamed)
	}
	return u.remark(u.session.prepared[string(name)].facts)
}

// needOf says where a statement may run: a read anywhere, a transaction only
// when it is declared to read. A session that must keep its server afterwards
// keeps one that takes writes.
func needOf(f *sqlparse.Facts) routing.Need {
	if !f.ReadOnly() || f.Pin != sqlparse.PinNone || (f.Traits.Has(sqlparse.Begins) && !f.Traits.Has(sqlparse.ReadOnlyTx)) {
		return routing.Write
	}
	return routing.Read
}
