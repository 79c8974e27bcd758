package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/sql"
)

// standing is what the started node says of itself.
type standing struct {
	inRecovery bool
	receiver   string // pg_stat_wal_receiver.status
	replayed   cluster.LSN
}

// probe reads the columns of sql.Probe that matter here.
func probe(ctx context.Context, conn *pgx.Conn) (s standing, err error) {
	var replayed string
	err = conn.QueryRow(ctx,
		"SELECT in_recovery, receiver_status, replayed FROM ("+sql.Probe+") AS p").
		Scan(&s.inRecovery, &s.receiver, &replayed)
	if err != nil {
		return s, err
	}
	s.replayed, err = cluster.ParseLSN(replayed)
	return s, err
}

// streaming waits until the node receives the primary's log.
func (r *repair) streaming(ctx context.Context) error {
	var at cluster.LSN
	err := r.engine.with(ctx, r.node, func(conn *pgx.Conn) error {
		return patiently(ctx, r.engine.cfg.Timeout, func() (bool, cluster.LSN, error) {
			s, err := probe(ctx, conn)
			if err == nil && !s.inRecovery {
				err = errors.New("it came up as a primary")
			}
			at = s.replayed
			return s.receiver == "streaming", at, err
		})
	})
	if err != nil {
		err = r.whyBehind(ctx, at, err)
		return fmt.Errorf("it does not stream from node %d: %w", r.source.ID, err)
	}
	return nil
}

// catchUp waits until the node has replayed what the primary had when the node
// began to stream.
func (r *repair) catchUp(ctx context.Context) error {
	goal, err := r.engine.flushed(ctx, r.source)
	if err != nil {
		return err
	}
	var first, at cluster.LSN
	err = r.engine.with(ctx, r.node, func(conn *pgx.Conn) error {
		return patiently(ctx, r.engine.cfg.Timeout, func() (bool, cluster.LSN, error) {
			s, err := probe(ctx, conn)
			if at = s.replayed; first == 0 {
				first = at
			}
			r.job.behind(int64(goal.Sub(s.replayed)))
			r.job.advance(wayTo(goal, first, at))
			return s.replayed >= goal, s.replayed, err
		})
	})
	if err != nil {
		return r.whyBehind(ctx, at, err)
	}
	r.leaveArchive(ctx)
	return nil
}

// wayTo is how far a replay that began at first has come, and how far it has to come;
// it does not stop at the goal.
func wayTo(goal, first, at cluster.LSN) (done, total int64) {
	return int64(min(at, goal).Sub(first)), int64(goal.Sub(first))
}

// patiently polls until ask says yes. It gives up when the position that ask
// returns has stood still for longer than timeout.
func patiently(ctx context.Context, timeout time.Duration, ask func() (bool, cluster.LSN, error)) error {
	p := patience{timeout: timeout, moved: time.Now()}
	return poll(ctx, func() (bool, error) {
		done, at, err := ask()
		if done || err != nil {
			return done, err
		}
		return false, p.watch(at, time.Now())
	})
}

// patience notices that replay stands still.
type patience struct {
	timeout time.Duration
	at      cluster.LSN
	moved   time.Time // when at changed last
}

func (p *patience) watch(at cluster.LSN, now time.Time) error {
	if at != p.at {
		p.at, p.moved = at, now
		return nil
	}
	if now.Sub(p.moved) < p.timeout {
		return nil
	}
	return fmt.Errorf("replay has stood still at %s for %s: look into the server log of the node", at, p.timeout)
}
