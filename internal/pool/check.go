package pool

import (
	"errors"
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// A connection that ends is noticed at once, but not one whose other end has gone without
// a word. So one that was idle for long is asked something before a session gets it, which
// stands in line meanwhile (server_check_query).

// checkTimeout is how long a connection may take to answer; a new one is made after that.
const checkTimeout = 5 * time.Second

// staleLocked reports whether an idle connection has to be checked before it is used.
func (p *Pool) staleLocked(s *Server) bool {
	return p.limits.CheckQuery != "" && p.tick()-s.returned >= seconds(p.limits.CheckDelay)
}

// checkLocked has as many idle connections checked as there are waiters: what is idle
// while somebody waits is stale.
func (p *Pool) checkLocked() {
	for i := range p.idle {
		for p.checking < len(p.waiters) && len(p.idle[i]) > 0 {
			s := p.popLocked(i)
			p.checking++
			query := p.limits.CheckQuery
			post(s.Conn.Loop(), func() {
				s.Conn.Loop().Go(func(t *reactor.Task) { p.check(t, s, query) })
			})
		}
	}
}

// check is a coroutine on the connection's loop.
func (p *Pool) check(t *reactor.Task, s *Server, query string) {
	err := s.Exec(t, query, time.Now().Add(checkTimeout))
	p.mu.Lock()
	p.checking--
	p.mu.Unlock()
	if err != nil {
		p.lost(s, fmt.Errorf("server_check_query: %w", err))
		p.Discard(s)
		return
	}
	p.Release(s)
}

// maxAnswer is how large a message may be that answers Exec.
const maxAnswer = 64 << 10

// Exec carries out a simple Query whose answer nobody needs. After an error, of the
// network or the server's own, or because a transaction was left open, the connection
// must be closed.
func (s *Server) Exec(t *reactor.Task, sql string, deadline time.Time) error {
	s.Conn.Attach(t)
	if err := t.Write(s.Conn, wire.AppendQuery(nil, sql), deadline); err != nil {
		return err
	}
	var head [wire.HeaderLen]byte
	for body := []byte(nil); ; {
		if err := t.ReadFull(s.Conn, head[:], deadline); err != nil {
			return err
		}
		typ, size := wire.Peek(head[:])
		if size -= wire.HeaderLen; size < 0 || size > maxAnswer {
			return errors.New("an answer of impossible length")
		}
		if size > cap(body) {
			body = make([]byte, size)
		}
		body = body[:size]
		if err := t.ReadFull(s.Conn, body, deadline); err != nil {
			return err
		}
		if done, err := answered(typ, body); done || err != nil {
			return err
		}
	}
}

// answered judges one message that the server sends to Exec.
func answered(typ byte, body []byte) (done bool, err error) {
	switch typ {
	case wire.ReadyForQuery:
		if len(body) != 1 || wire.TxStatus(body[0]) != wire.TxIdle {
			return false, errors.New("it has left a transaction open")
		}
		return true, nil
	case wire.ErrorResponse:
		return false, wire.ParseError(body)
	case wire.CommandComplete, wire.EmptyQueryResponse, wire.RowDescription, wire.DataRow, wire.NoticeResponse:
		return false, nil
	}
	return false, fmt.Errorf("an answer of type %q", typ)
}
