package server

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// doubt is what statements may have done to the session's state without saying
// what came of it: in a transaction block, which may take it back, by a function,
// or by a lock that may not have been got. The server knows. It is asked when the
// transaction has ended, before anybody else may get it.
type doubt uint8

const (
	doubtSettings doubt = 1 << iota
	doubtPins
)

// doubt notes what only the server can tell. While the server stays with the
// session to the end, nobody needs to know.
func (u *turn) doubt(e *effects) {
	s := u.session
	if s.keepsServer() || e.doubt == 0 {
		return
	}
	if e.doubt&doubtPins != 0 && e.pin == sqlparse.PinNone && s.pin == sqlparse.PinNone && e.doubt&doubtSettings == 0 {
		e.doubt &^= doubtPins // nothing was there to be released
	}
	s.doubt |= e.doubt
	for _, name := range e.names {
		if strings.Contains(name, ".") {
			s.names = append(s.names, strings.ToLower(name))
		}
	}
}

// hold pins for a reason that the server can't be asked about; the others are
// found by asking.
func (s *session) hold(p sqlparse.Pin) {
	if p != sqlparse.PinNone && (lasting(p) || s.keepsServer()) {
		s.pin = p
	}
}

// lasting reasons stay until DISCARD ALL.
func lasting(p sqlparse.Pin) bool {
	switch p {
	case sqlparse.PinPrepare, sqlparse.PinSessionSet, sqlparse.PinLoad:
		return true
	}
	return false
}

// inquiry is what a server has answered so far.
type inquiry struct {
	settings map[string]string
	pin      sqlparse.Pin
	failed   bool
}

// inquire asks the server what the session's state is, if that is in doubt and
// nothing is under way. That would end an unnamed statement that was not kept: until
// it is replaced, the server stays with the session anyway.
func (u *turn) inquire() bool {
	s := u.session
	if s.doubt == 0 || s.server == nil || s.tx != wire.TxIdle || !u.replies.empty() || !u.replies.boundary ||
		u.skipping || u.passing > 0 || u.relaying > 0 || s.streams() {
		return false
	}
	u.request = wire.AppendQuery(u.request, s.question())
	s.unnamed.server = nil // a simple Query ends it there
	u.inquiry = inquiry{settings: map[string]string{}}
	u.expect(expected{request: reqInquiry, visibility: silent})
	u.replies.boundary = true
	return true
}

// Parameters of the transaction are not the session's. What an extension or the
// application has made up is not in pg_settings, nor is who the session acts as.
const (
	settingsQuery = `SELECT pg_catalog.lower(name), pg_catalog.current_setting(name) FROM pg_catalog.pg_settings
 WHERE source = 'session' AND name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
 UNION ALL SELECT 'role', pg_catalog.current_setting('role') WHERE pg_catalog.current_setting('role') <> 'none'
 UNION ALL SELECT 'session_authorization', session_user::text WHERE session_user <> `
	namesQuery = ` UNION ALL SELECT n, pg_catalog.current_setting(n, true) FROM pg_catalog.unnest(ARRAY[`
	namesEnd   = `]) n WHERE pg_catalog.current_setting(n, true) IS NOT NULL`
	pinsQuery  = `SELECT '', 'temporary table' WHERE pg_catalog.pg_my_temp_schema() <> 0 AND (
  EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema()) OR
  EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace = pg_catalog.pg_my_temp_schema()) OR
  EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = pg_catalog.pg_my_temp_schema()))
 UNION ALL SELECT '', 'advisory lock' WHERE EXISTS
  (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid())
 UNION ALL SELECT '', 'holdable cursor' WHERE EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)
 UNION ALL SELECT '', 'listen' WHERE EXISTS (SELECT FROM pg_catalog.pg_listening_channels())`
)

// question is the SQL that asks for what is in doubt: rows of a name and a value,
// the name of a pin being empty.
func (s *session) question() string {
	var parts []string
	if s.doubt&doubtSettings != 0 {
		parts = append(parts, settingsQuery+pool.Literal(s.user)+s.ownNames())
	}
	if s.doubt&doubtPins != 0 {
		parts = append(parts, pinsQuery)
	}
	return strings.Join(parts, "\n UNION ALL ")
}

// ownNames asks for the settings whose names the server doesn't list.
func (s *session) ownNames() string {
	names := s.names
	for _, e := range s.settings.List() {
		if strings.Contains(e.Name, ".") {
			names = append(names, e.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	literals := ""
	for i, name := range slices.Compact(names) {
		if i > 0 {
			literals += ","
		}
		literals += pool.Literal(name)
	}
	return namesQuery + literals + namesEnd
}

// learn takes one row of the answer.
func (u *turn) learn(frame []byte) {
	row := columns(frame[wire.HeaderLen:])
	if len(row) != 2 {
		return
	}
	if row[0] == "" {
		u.inquiry.pin = sqlparse.PinNamed(row[1])
		return
	}
	u.inquiry.settings[row[0]] = row[1]
}

// columns are the values of a DataRow in text; NULL is empty.
func columns(body []byte) (values []string) {
	if len(body) < 2 {
		return nil
	}
	for b := body[2:]; len(b) >= 4; {
		n := int(int32(binary.BigEndian.Uint32(b)))
		b = b[4:]
		if n < 0 || n > len(b) {
			n = 0
		}
		values, b = append(values, string(b[:n])), b[n:]
	}
	return values
}

// conclude ends the doubt. A server that can't tell stays with the session.
func (u *turn) conclude() {
	s := u.session
	asked := s.doubt
	s.doubt, s.names = 0, nil
	answer := u.inquiry
	u.inquiry = inquiry{}
	if answer.failed {
		s.pin = sqlparse.PinSessionSet
		return
	}
	if asked&doubtSettings != 0 {
		found := pool.NewSettings(answer.settings)
		s.server.Settings, s.settings = found, found.Over(s.initial)
		s.judgeSettings()
	}
	if asked&doubtPins != 0 && !lasting(s.pin) {
		s.pin = answer.pin
	}
}
