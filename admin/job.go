package admin

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/pgherd/pgherd/internal/cluster"
)

// outcome is what a command returned.
type outcome struct {
	rows [][]any
	err  error
}

// run carries a statement out, provided the user may, and waits for it.
func (s *session) run(ctx context.Context, stmt *statement, args []any) ([][]any, error) {
	if !s.may.covers(stmt.privilege) {
		s.log.Warn("console command denied", "user", s.user, "command", stmt.text)
		return nil, denied(stmt.command, s.user)
	}
	switch {
	case stmt.query != nil && s.may == privilegeNone:
		return s.watch(ctx, s.narrow.limit(s.timed(stmt.bound(args))))
	case stmt.query != nil:
		return s.watch(ctx, s.timed(stmt.bound(args)))
	case stmt.privilege != privilegeCommand:
		return s.watch(ctx, stmt.bound(args))
	}
	s.log.Info("console command started", "user", s.user, "command", stmt.text)
	s.record(stmt, "")
	began := time.Now()
	rows, err := s.watch(ctx, stmt.bound(args))
	if err != nil {
		s.log.Warn("console command failed", "user", s.user, "command", stmt.text, "elapsed", time.Since(began), "error", err)
		s.record(stmt, " failed: "+err.Error())
	} else {
		s.log.Info("console command finished", "user", s.user, "command", stmt.text, "elapsed", time.Since(began))
	}
	return rows, err
}

// record adds to what SHOW POOL_EVENTS prints; commands that only look, and so have
// columns, are none of that.
func (s *session) record(stmt *statement, what string) {
	if stmt.columns == nil {
		s.journal.Add(cluster.Event{At: time.Now(), Node: cluster.NoNode, Kind: cluster.EventCommand, Text: s.user + ": " + stmt.text + what})
	}
}

func denied(c *command, user string) error {
	return newError(codeInsufficient, "permission denied for %s", c.name()).
		withHint("%s; %q is none of them", map[privilege]string{
			privilegeCommand: "only those in console.admin_users may command",
			privilegeLook:    "those in console.stats_users and console.admin_users may look",
		}[c.privilege], user)
}

// watch runs the command on a goroutine of its own. Until it returns, notices
// are passed on, and what ends it early is looked out for.
func (s *session) watch(ctx context.Context, run runFunc) ([][]any, error) {
	if ctx.Err() != nil {
		return nil, s.ended(ctx, ctx.Err())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	steps := newSteps(time.Now())
	done := make(chan outcome, 1)
	go func() {
		rows, err := run(ctx, func(text string) { steps.add(text, time.Now()) })
		done <- outcome{rows, err}
	}()
	for {
		select {
		case <-s.cancels:
			cancel(errCancelRequest)
		case <-steps.wake:
			if s.notify(steps.take()) != nil {
				cancel(errClientGone)
			}
		case o := <-done:
			s.notify(steps.take())
			return o.rows, s.ended(ctx, o.err)
		}
	}
}

// ended is the error of a command, with the reason when it was cut short.
func (s *session) ended(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-s.shutdown:
		return errors.Join(errShutdown, err)
	default:
		return canceled(ctx, err)
	}
}

// notify sends notices at once.
func (s *session) notify(texts []string) error {
	for _, text := range texts {
		notice := newError("00000", "%s", text).response("NOTICE")
		s.out.add((*pgproto3.NoticeResponse)(notice))
	}
	return s.out.flush()
}
