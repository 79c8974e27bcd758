package server

import (
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// request is what was asked of the server, so that its answer can be checked.
type request uint8

const (
	reqQuery               request = iota // anything, up to ReadyForQuery
	reqCall                               // FunctionCallResponse, ReadyForQuery
	reqSync                               // ReadyForQuery
	reqParse                              // ParseComplete
	reqBind                               // BindComplete
	reqClose                              // CloseComplete
	reqDescribe                           // RowDescription or NoData
	reqDescribeStatement                  // ParameterDescription, and the same
	reqExecute                            // rows or a copy, and how it ended
	reqCopyEnd                            // nothing: ends what the client copies in
	localParse                            // nothing is asked: we say ParseComplete
	localClose                            // CloseComplete
	localBind                             // BindComplete; this and the following are about EXPLAIN ROUTE only
	localDescribe                         // RowDescription
	localDescribeStatement                // ParameterDescription, RowDescription
	localExecute                          // rows, CommandComplete
	localQuery                            // all of it, and ReadyForQuery
	localMistake                          // an error
	reqInquiry                            // what only we want to know, up to ReadyForQuery
	reqBegin                              // BEGIN in front of the first statement of a block that the client has opened
	reqRestore                            // settings behind a batch that has reset them; its ReadyForQuery ends that
)

// ready reports whether ReadyForQuery ends the answer.
func (r request) ready() bool {
	return r == reqQuery || r == reqCall || r == reqSync || r == reqInquiry || r == reqRestore || r == reqBegin
}

// local reports whether we answer it ourselves.
func (r request) local() bool { return r >= reqCopyEnd && r <= localMistake }

// visibility says whether the client sees an answer.
type visibility uint8

const (
	shown  visibility = iota
	hidden            // the client did not ask, but is told if it fails
	silent            // not even that
)

// expected is one answer that is due.
type expected struct {
	request    request
	visibility visibility
	statement  string          // what reqParse or reqExecute prepares, reqClose closes; the server's name
	closes     string          // what that name stands for, if anything is known of it
	uses       string          // the shared statement that reqBind and the two of Describe need
	first      bool            // it is the session's first use of it
	client     string          // the client's name of what a Parse prepares or a Close closes
	before     prepared        // what that name meant before; nameless for nothing
	instead    *wire.Error     // shown for the server's
	question   *question       // that we answer
	facts      *sqlparse.Facts // of the statement that it is about
	replaces   replaces        // the unnamed statement
	replaced   *unnamed        // what that was before, if it may be so again
}

// queue is the answers that are due, the first one next, and the effects of
// the batches they belong to.
type queue struct {
	due      []expected
	head     int
	effects  []effects // of the batches that are not answered yet
	room     []effects // their array from its beginning, empty
	boundary bool      // the last request ended a batch
	naming   int       // of due: see names
	replaces int       // of due: those that replace the unnamed statement
	flushed  bool      // the server was told to answer what is due, before the batch ends
}

// maxDue is how many answers may be due before no more is taken from the client. What
// it may ask for in eight bytes takes hundreds of ours until it is answered.
const maxDue = 4096

// crowded reports whether enough answers are due.
func (q *queue) crowded() bool { return len(q.due)-q.head >= maxDue }

func (q *queue) empty() bool { return q.head == len(q.due) }

func (q *queue) first() *expected { return &q.due[q.head] }

func (q *queue) push(e expected) {
	if len(q.due) == cap(q.due) && q.head > len(q.due)/2 { // never empty, it would grow without end
		n := copy(q.due, q.due[q.head:])
		clear(q.due[n:])
		q.due, q.head = q.due[:n], 0
	}
	q.due, q.flushed = append(q.due, e), false
	q.count(&e, 1)
	if e.request != reqCopyEnd {
		q.boundary = false
	}
}

// finish ends a batch with its effects.
func (q *queue) finish(e effects) {
	before := cap(q.effects)
	if q.effects = append(q.effects, e); cap(q.effects) > before {
		q.room = q.effects[:0]
	}
	q.boundary = true
}

// forgetful reports whether a batch under way may have the server forget its
// statements: what it has is known when that is answered.
// Likewise a session whose state is being asked for waits.
func (q *queue) forgetful() bool {
	if !q.empty() && q.first().request == reqInquiry {
		return true
	}
	for i := range q.effects {
		if q.effects[i].tags || q.effects[i].resets {
			return true
		}
	}
	return false
}

func (q *queue) pop() {
	q.count(&q.due[q.head], -1)
	q.due[q.head] = expected{}
	if q.head++; q.head == len(q.due) {
		q.due, q.head = q.due[:0], 0
	}
}

// popEffects returns the effects of the batch that is answered now.
func (q *queue) popEffects() effects {
	if len(q.effects) == 0 {
		return effects{}
	}
	e := q.effects[0]
	q.effects[0] = effects{}
	if q.effects = q.effects[1:]; len(q.effects) == 0 {
		q.effects = q.room
	}
	return e
}

func (q *queue) clear() {
	clear(q.due)
	clear(q.effects)
	*q = queue{due: q.due[:0], effects: q.room, room: q.room, boundary: true}
}
