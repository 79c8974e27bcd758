package admin

import (
	"context"
	"errors"
	"time"
)

// narrowTimeout is how long a query may take of somebody who may not look.
const narrowTimeout = 5 * time.Second

// narrow is the way for the queries of those who may not look: drivers and psql
// read system catalogs, which costs what the query makes of it. One at a time gets
// through.
type narrow chan struct{}

func newNarrow() narrow { return make(narrow, 1) }

// limit is run, but one at a time and for narrowTimeout, the wait included.
func (n narrow) limit(run runFunc) runFunc {
	return func(ctx context.Context, progress func(string)) ([][]any, error) {
		late := newError(codeCanceled, "canceling statement: queries of those who may not look have %v", narrowTimeout).
			withHint("those in console.stats_users and console.admin_users have no such limit")
		ctx, cancel := context.WithTimeoutCause(ctx, narrowTimeout, late)
		defer cancel()
		select {
		case n <- struct{}{}:
			defer func() { <-n }()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		rows, err := run(ctx, progress)
		if err != nil && errors.Is(context.Cause(ctx), late) {
			err = late
		}
		return rows, err
	}
}
