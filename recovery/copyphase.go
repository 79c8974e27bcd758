package recovery

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// copyPhase is what the server that is copied does (pg_stat_progress_basebackup,
// PostgreSQL 13). A node's name is its application_name there.
const copyPhase = `
SELECT p.phase FROM pg_stat_progress_basebackup p JOIN pg_stat_replication r USING (pid)
 WHERE r.application_name = $1 ORDER BY p.pid DESC LIMIT 1`

// tellPhases tells each phase of a copy until ctx ends. pg_basebackup is silent while
// the server makes its checkpoint, and while the rest of the log is sent.
func (r *repair) tellPhases(ctx context.Context) {
	_ = r.engine.with(ctx, r.origin, func(conn *pgx.Conn) error { // the copy tells what is wrong
		told := ""
		return poll(ctx, func() (bool, error) {
			var phase string
			err := conn.QueryRow(ctx, copyPhase, r.node.Name).Scan(&phase)
			if errors.Is(err, pgx.ErrNoRows) {
				phase, err = afterCopy(told), nil
			}
			if err == nil && phase != told {
				told = phase
				r.job.say(phase)
			}
			return false, err
		})
	})
}

// whileTelling runs a copy and returns when nothing is told any more.
func (r *repair) whileTelling(ctx context.Context, copying func(context.Context) error) error {
	phases, stop := context.WithCancel(ctx)
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.tellPhases(phases)
	}()
	err := copying(ctx)
	stop()
	<-told
	return err
}

// afterCopy is the phase when the server says nothing: the files are there, and the
// second half of a copy compares them with the manifest.
func afterCopy(last string) string {
	if last == "" {
		return "" // it has not begun
	}
	return "comparing the copy with its manifest"
}
