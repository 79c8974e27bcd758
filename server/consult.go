package server

import (
	"context"
	"errors"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// consultTimeout is how long the console may take to answer a session: it reads
// what is in memory.
const consultTimeout = 5 * time.Second

// consulted is a copy of a question to the console with its answer, or with why
// there is none. It waits off the loop; other questions stay as they are.
func (u *turn) consulted(q *question) *question {
	if q == nil || q.subject != aboutCluster || u.skipping {
		return q
	}
	asked := *q
	if _, asked.declined = u.session.describe(q); asked.declined != nil {
		return &asked
	}
	srv, user := u.session.shard.srv, u.session.user
	var told []byte
	var err error
	u.task.Await(func() {
		ctx, cancel := context.WithTimeout(srv.consoleCtx, consultTimeout)
		defer cancel()
		told, err = srv.console.Answer(ctx, user, asked.sql)
	})
	u.awaitResume()
	asked.told, asked.declined = told, asWireError(err)
	return &asked
}

// describe is the columns of the answer, as a frame, or what is wrong with the
// question.
func (s *session) describe(q *question) ([]byte, *wire.Error) {
	columns, err := s.shard.srv.console.Describe(s.user, q.sql)
	return columns, asWireError(err)
}

func asWireError(err error) *wire.Error {
	var e *wire.Error
	if err == nil || errors.As(err, &e) {
		return e
	}
	return wire.Errorf("58000", "%v", err)
}
