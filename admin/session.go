package admin

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgproto3/v2"

	"github.com/pgherd/pgherd/internal/cluster"
)

// phase says what a session does with the next message.
type phase int

const (
	phaseReady    phase = iota
	phaseSkipping       // after an error in the extended protocol: everything up to Sync is ignored
)

// session is one client's conversation. It belongs to the goroutine of Serve.
type session struct {
	user     string
	may      privilege
	language language // the console's, with what only this session answers
	log      hclog.Logger
	journal  *cluster.Journal
	narrow   narrow
	in       *inbox
	out      *outbox
	cancels  <-chan struct{}
	shutdown <-chan struct{}

	timeout    time.Duration // of a SELECT; 0 = none
	phase      phase
	tx         byte // transaction status as ReadyForQuery tells it: 'I' or 'T'
	statements map[string]*prepared
	portals    map[string]*portal
}

func newSession(c *Console, s Session, in *inbox, shutdown <-chan struct{}) *session {
	made := &session{
		user: s.User, may: c.privilegeOf(s.User), log: c.log, journal: c.journal, narrow: c.narrow,
		in: in, out: &outbox{w: s.Conn}, cancels: s.Cancels, shutdown: shutdown,
		timeout: defaultTimeout, tx: 'I', statements: map[string]*prepared{}, portals: map[string]*portal{},
	}
	table := c.tableOf(s)
	table = append(table[:len(table):len(table)], made.timeoutCommands()...)
	table = append(table, settings(s.Params)...)
	made.language = language{append(table, made.driverCommands()...), c.selects(s), c.copies(s)}
	return made
}

// loop answers messages until the session ends.
func (s *session) loop(ctx context.Context) error {
	for {
		m, err := s.next()
		if err == nil {
			err = s.handle(ctx, m)
		}
		if err != nil {
			return s.leave(err)
		}
	}
}

// next waits for a message. Shutdown comes first; cancel requests find nothing
// to cancel.
func (s *session) next() (pgproto3.FrontendMessage, error) {
	for {
		select {
		case <-s.shutdown:
			return nil, errShutdown
		default:
		}
		select {
		case <-s.shutdown:
		case <-s.cancels:
		case m, ok := <-s.in.messages:
			if !ok {
				return nil, s.in.err
			}
			return m, nil
		}
	}
}

// handle answers one message. It returns only what ends the session.
func (s *session) handle(ctx context.Context, m pgproto3.FrontendMessage) error {
	if _, sync := m.(*pgproto3.Sync); s.phase == phaseSkipping && !sync {
		return nil
	}
	switch m := m.(type) {
	case *pgproto3.Query:
		return s.finish(s.query(ctx, m.String))
	case *functionCall:
		return s.finish(newError(codeNotSupported, "the console has no functions to call"))
	case *pgproto3.Sync:
		s.phase = phaseReady
		return s.finish(nil)
	case *pgproto3.Flush:
		return s.out.flush()
	case *copyMessage: // late copy data is ignored, as PostgreSQL does
		return nil
	}
	err := s.extended(ctx, m)
	if err != nil {
		s.phase = phaseSkipping
	}
	return s.report(err)
}

// finish ends a batch: the error, if any, and ReadyForQuery. A cancel request
// that came too late must not hit the next batch.
func (s *session) finish(err error) error {
	if err := s.report(err); err != nil {
		return err
	}
	if s.tx == 'I' {
		clear(s.portals)
	}
	select {
	case <-s.cancels:
	default:
	}
	s.out.add(&pgproto3.ReadyForQuery{TxStatus: s.tx})
	return s.out.flush()
}

// report tells the client of an error; it returns the ones that end the session.
func (s *session) report(err error) error {
	if err == nil || errors.Is(err, errShutdown) {
		return err
	}
	s.out.add(asSQLError(err).response("ERROR"))
	return s.out.flush()
}

// interrupted reports whether a cancel request has come.
func (s *session) interrupted() bool {
	select {
	case <-s.cancels:
		return true
	default:
		return false
	}
}

// leave says goodbye where the client can still hear it.
func (s *session) leave(err error) error {
	fatal, wrong := errors.AsType[*sqlError](err)
	switch {
	case errors.Is(err, errShutdown):
		s.out.add(newError(codeShutdown, "%s", errShutdown).response("FATAL"))
		s.out.flush()
		return nil
	case wrong:
		s.out.add(fatal.response("FATAL"))
		s.out.flush()
	case left(err):
		return nil
	}
	return err
}
