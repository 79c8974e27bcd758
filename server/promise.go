package server

import (
	"sync"

	"github.com/pgherd/pgherd/internal/wire"
)

// Who prepares a statement with PQprepare waits for the answer, with all connections of
// a program that has one thread; and the servers may all be held by those, in
// transactions that do not go on meanwhile (pgbench -M prepared). So a statement that a
// server has parsed before is promised instead of waiting in line: it is parsed on the
// server that is to execute it, as it is whenever that has it not.

// mostParsed bounds the memory of what was parsed.
const mostParsed = 10_000

// parses remembers which shared statements servers have parsed.
type parses struct {
	mu    sync.Mutex
	names map[parsedName]struct{}
}

// parsedName is a shared statement where it was parsed.
type parsedName struct{ database, user, statement string }

func (p *parses) add(n parsedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names == nil || len(p.names) >= mostParsed {
		p.names = map[parsedName]struct{}{}
	}
	p.names[n] = struct{}{}
}

func (p *parses) has(n parsedName) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.names[n]
	return ok
}

func (s *session) parsedName(statement string) parsedName {
	return parsedName{database: s.database, user: s.serverUser(), statement: statement}
}

// noteParsed notes that the server has parsed what e was about, if that concerns others.
func (u *turn) noteParsed(e *expected) {
	if e.request == reqParse && e.statement != "" && !u.shadows() {
		u.session.shard.srv.parses.add(u.session.parsedName(e.statement))
	}
}

// promise answers the batch if it is nothing but a Parse that can be promised.
func (u *turn) promise() bool {
	s := u.session
	name, body, ok := u.loneParse()
	if !ok || len(u.ahead) != 1 || s.keepsNames() || s.tx == wire.TxFailed {
		return false
	}
	f := u.ahead[0]
	if _, taken := s.prepared[name]; taken || len(f.Executes) > 0 {
		return false
	}
	p := prepared{statement: s.shared(body, f), facts: f}
	if !s.shard.srv.parses.has(s.parsedName(p.statement.Name)) {
		return false
	}
	if s.crowded([]byte(name), len(body)) != nil {
		return false
	}
	s.remember(name, p)
	s.tally.ClientParses++
	u.local = wire.AppendFrame(u.local, wire.ParseComplete, "")
	u.playReady()
	u.played()
	return true
}

// loneParse is the name and the rest of a named Parse, if that and Sync are all of the
// batch that gather has looked at.
func (u *turn) loneParse() (name string, body []byte, ok bool) {
	b := u.pending()
	if u.batch.size == 0 || u.batch.size > len(b) {
		return "", nil, false
	}
	typ, size := wire.Peek(b)
	if typ != wire.Parse || size >= u.batch.size || u.batch.size-size != wire.HeaderLen || b[size] != wire.Sync {
		return "", nil, false
	}
	text, body, ok := wire.CString(b[wire.HeaderLen:size])
	return string(text), body, ok && len(text) > 0
}
