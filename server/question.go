package server

import (
	"unicode/utf8"

	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// question is EXPLAIN ROUTE, or what Pgpool-II answers in any session, in one text.
// It is answered here, in its turn among the answers of a server if the session has
// one; none takes part.
type question struct {
	subject subject
	sql     string // the statement that it asks about; all of it when it is the console's
	at      int    // characters in front of it
	end     int    // of a Query's bytes, counted from the beginning of the turn

	told     []byte // what the console has answered
	declined *wire.Error
}

// subject is what a question is about.
type subject int

const (
	aboutRoute   subject = iota
	aboutCluster         // the console has the answer
)

func questionIn(text []byte) *question {
	if at, ok := sqlparse.RouteQuestion(text); ok {
		return &question{sql: string(text[at:]), at: utf8.RuneCount(text[:at])}
	}
	if sqlparse.ConsoleQuestion(text) {
		return &question{subject: aboutCluster, sql: string(text)}
	}
	return nil
}

// questions are those that the client has prepared and bound.
type questions struct{ statements, portals map[string]*question }

func (s *session) prepareQuestion(name string, q *question) {
	if s.questions == nil {
		s.questions = &questions{map[string]*question{}, map[string]*question{}}
	}
	s.questions.statements[name] = q
	if name == "" {
		s.unnamed = unnamed{}
	}
}

// questioned deals with the frames that are about questions. done is false while
// a frame has not come whole.
func (u *turn) questioned(typ byte, size int) (done, handled bool) {
	switch typ {
	case wire.Query, wire.Parse:
	case wire.Bind, wire.Describe, wire.Execute, wire.Close:
		if u.session.questions == nil {
			return false, false
		}
	default:
		return false, false
	}
	if size > maxGather {
		return false, false
	}
	if !u.whole(size) {
		return false, true
	}
	e := u.ask(typ, u.pending()[wire.HeaderLen:size])
	if e.question == nil {
		return false, false
	}
	e.question.end = u.before + u.taken + size
	if e.request == reqParse {
		u.expect(e)
	} else {
		u.replies.due = append(u.replies.due, e) // batches of the server's know nothing of it
	}
	u.take(size)
	u.emitLocal()
	return true, true
}

// ask is the answer that is due to a frame; without a question it is the server's.
func (u *turn) ask(typ byte, body []byte) expected {
	first, rest, _ := wire.CString(body)
	switch typ {
	case wire.Query:
		return expected{request: localQuery, question: u.consulted(questionIn(first))}
	case wire.Parse:
		return u.parseQuestion(string(first), rest)
	}
	known := u.session.questions
	switch {
	case typ == wire.Bind:
		statement, _, _ := wire.CString(rest)
		q := known.statements[string(statement)]
		delete(known.portals, string(first))
		if q != nil {
			known.portals[string(first)] = q
		}
		return expected{request: localBind, question: q}
	case typ == wire.Execute:
		q := u.consulted(known.portals[string(first)])
		if q != nil && q.declined != nil {
			return u.refuseQuestion(hiddenName, q, q.declined)
		}
		return expected{request: localExecute, question: q}
	}
	return known.target(typ, string(first))
}

// parseQuestion notes a question, or that a name does not stand for one any more.
func (u *turn) parseQuestion(name string, rest []byte) expected {
	text, _, _ := wire.CString(rest)
	q := questionIn(text)
	if q == nil {
		if known := u.session.questions; known != nil {
			delete(known.statements, name)
		}
		return expected{}
	}
	if len(u.ahead) > 0 {
		u.nextFacts(text) // it has been looked at with its batch
	}
	if e := u.session.crowdedQuestions(name); e != nil {
		q.declined = e
	}
	if e := q.mistake(u.session); e != nil {
		return u.refuseQuestion(name, q, e)
	}
	u.session.prepareQuestion(name, q)
	return expected{request: localParse, question: q}
}

// refuseQuestion has what follows skipped, up to Sync: by the server if there is one.
func (u *turn) refuseQuestion(name string, q *question, e *wire.Error) expected {
	if u.session.server == nil {
		u.skipping = true
		return expected{request: localMistake, question: q}
	}
	due := u.refusal(name, e)
	due.question = q
	return due
}

// target is for Describe and Close, whose names begin with S or P.
func (k *questions) target(typ byte, name string) expected {
	if name == "" {
		return expected{}
	}
	names, describe := k.statements, localDescribeStatement
	if name[0] == 'P' {
		names, describe = k.portals, localDescribe
	}
	q := names[name[1:]]
	if typ == wire.Close {
		delete(names, name[1:])
		return expected{request: localClose, question: q}
	}
	return expected{request: describe, question: q}
}

// answer appends what is due to a frame about a question.
func (u *turn) answer(e *expected) {
	switch e.request {
	case localBind:
		u.local = wire.AppendFrame(u.local, wire.BindComplete, "")
	case localDescribeStatement:
		u.local = wire.AppendFrame(u.local, wire.ParameterDescription, "\x00\x00")
		fallthrough
	case localDescribe:
		u.answerColumns(e.question)
	case localExecute:
		u.answerRows(e.question)
	case localQuery:
		u.answerQuery(e.question)
	case localMistake:
		u.local = wire.AppendError(u.local, e.question.mistake(u.session))
	}
}

func (u *turn) answerQuery(q *question) {
	if e := q.mistake(u.session); e != nil {
		u.local = wire.AppendError(u.local, e)
	} else {
		u.answerColumns(q)
		u.answerRows(q)
	}
	u.local = wire.AppendReady(u.local, u.session.tx)
}

func (u *turn) answerColumns(q *question) {
	if q.subject == aboutRoute {
		u.local = appendPlanColumn(u.local)
		return
	}
	columns, _ := u.session.describe(q)
	u.local = append(u.local, columns...)
}

// answerRows says where the statement would go, or what the console has said.
func (u *turn) answerRows(q *question) {
	if q.subject == aboutCluster {
		u.local = append(u.local, q.told...)
		return
	}
	for _, line := range u.explain(q.sql) {
		u.local = appendPlanRow(u.local, line)
	}
	u.local = wire.AppendCommandComplete(u.local, "EXPLAIN")
}

// mistake is what is wrong with the question; nil if it can be answered.
func (q *question) mistake(s *session) *wire.Error {
	switch {
	case q.declined != nil:
		return q.declined
	case q.subject == aboutCluster:
		_, e := s.describe(q)
		return e
	}
	f := s.shard.srv.parser.Parse([]byte(q.sql))
	if f.Kind == sqlparse.Empty {
		e := wire.Errorf("42601", "EXPLAIN ROUTE has no statement to explain")
		e.Position = q.at + 1
		return e
	}
	if f.Kind != sqlparse.Unknown {
		return nil
	}
	message, position := sqlparse.SyntaxError(q.sql)
	if message == "" {
		return nil
	}
	e := wire.Errorf("42601", "%s", message).WithHint("What pgherd can't parse goes to the primary as it stands.")
	if position > 0 {
		e.Position = q.at + position
	}
	return e
}

// planColumn is the only column of EXPLAIN: of type text, of any length.
const planColumn = "\x00\x01QUERY PLAN\x00" + "\x00\x00\x00\x00" + "\x00\x00" + "\x00\x00\x00\x19" + "\xff\xff" + "\xff\xff\xff\xff" + "\x00\x00"

func appendPlanColumn(b []byte) []byte { return wire.AppendFrame(b, wire.RowDescription, planColumn) }

func appendPlanRow(b []byte, line string) []byte {
	b, at := wire.Begin(b, wire.DataRow)
	n := len(line)
	b = append(b, 0, 1, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	return wire.End(append(b, line...), at)
}
