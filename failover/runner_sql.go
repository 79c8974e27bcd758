package failover

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// runBySQL is runOnHost for a node whose access is sql. Its own server stops itself;
// another one starts it, by a script. Before it stops it is marked as a standby: then
// whoever starts it does no harm.
func (r *runner) runBySQL(ctx context.Context, a Action) (Found, error) {
	switch a.Kind {
	case Stop:
		return r.stopBySQL(ctx, a)
	case Start:
		return Found{}, r.startBySQL(ctx, a)
	case Rejoin:
		return Found{}, r.rejoinBySQL(ctx, a)
	}
	return Found{}, fmt.Errorf("node %d: no way to %s by SQL", a.Node, a.Kind)
}

// functions calls f with what node id has.
func (r *runner) functions(ctx context.Context, id cluster.NodeID, f func(*pgx.Conn, host.Functions) error) error {
	return r.withAs(ctx, id, r.config.Functions, func(c *pgx.Conn) error {
		found, err := host.FindFunctions(ctx, c, host.RemoteStart)
		if err != nil {
			return err
		}
		return f(c, found)
	})
}

// trySQL sees whether a.Node can be stopped. That nobody can start it again is no
// reason not to, for its server can be started by hand. The checkpoint on a.To makes
// the one short that it needs to show its end.
func (r *runner) trySQL(ctx context.Context, a Action) error {
	err := r.functions(ctx, a.Node, func(_ *pgx.Conn, f host.Functions) error { return f.CannotStop() })
	if err != nil {
		return err
	}
	err = r.functions(ctx, a.To, func(_ *pgx.Conn, f host.Functions) error { return f.CannotStart() })
	if err != nil {
		r.log.Warn("the old primary will have to be started by hand", "node", a.Node, "error", err)
	}
	return r.with(ctx, a.To, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "CHECKPOINT")
		return err
	})
}

// stopBySQL shuts a primary down in order and finds the end of its log on a.To. That
// also shows that it has ended: a service manager may have started it as a standby since.
func (r *runner) stopBySQL(ctx context.Context, a Action) (Found, error) {
	var before cluster.LSN
	err := r.functions(ctx, a.Node, func(c *pgx.Conn, f host.Functions) (err error) {
		var text string
		if err := c.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&text); err != nil {
			return err
		}
		if before, err = cluster.ParseLSN(text); err != nil {
			return err
		}
		err = f.StopServer(ctx, c)
		if outcome(err) == Broken {
			return nil // it was quicker than its answer
		}
		return err
	})
	if err != nil {
		return Found{}, err
	}
	end, err := r.shutdownOn(ctx, a.To, before)
	return Found{Received: end}, err
}

// awaitOutcome waits until connecting to a node comes to one of those, and its server
// neither starts up nor shuts down.
func (r *runner) awaitOutcome(ctx context.Context, id cluster.NodeID, what string, want ...Outcome) error {
	return until(ctx, fmt.Sprintf("node %d: %s", id, what), func() (bool, error) {
		o := outcome(r.with(ctx, id, func(*pgx.Conn) error { return nil }))
		for _, w := range want {
			if o == w {
				return true, nil
			}
		}
		return false, nil
	})
}

// shutdownOn waits until standby id has replayed a checkpoint of a shutdown later than
// since: the last record of a primary that stopped in order. (Only of such a checkpoint
// is the redo position its own; PostgreSQL's CreateCheckPoint.) The control file
// has it after a restartpoint.
func (r *runner) shutdownOn(ctx context.Context, id cluster.NodeID, since cluster.LSN) (end cluster.LSN, err error) {
	err = r.with(ctx, id, func(c *pgx.Conn) error {
		var tried cluster.LSN
		return until(ctx, "the end of the old primary's log", func() (bool, error) {
			at, _, err := replayed(ctx, c)
			if err != nil || at <= since || at == tried {
				return false, err
			}
			tried = at
			end, err = lastShutdown(ctx, c)
			return end >= since, err
		})
	})
	return end, err
}

// lastShutdown makes a restartpoint, and tells where its checkpoint is if that was
// one of a shutdown, else 0.
func lastShutdown(ctx context.Context, c *pgx.Conn) (cluster.LSN, error) {
	if _, err := c.Exec(ctx, "CHECKPOINT"); err != nil {
		return 0, err
	}
	var text string
	err := c.QueryRow(ctx, `SELECT CASE WHEN checkpoint_lsn = redo_lsn THEN checkpoint_lsn ELSE '0/0' END::text
		FROM pg_control_checkpoint()`).Scan(&text)
	if err != nil {
		return 0, err
	}
	return cluster.ParseLSN(text)
}

// startBySQL makes an old primary one again, wherever its shutdown has got to. One
// that was marked comes up as a standby: nobody else was promoted, so it leaves
// recovery at the end of its own log and loses nothing.
func (r *runner) startBySQL(ctx context.Context, a Action) error {
	if err := r.wake(ctx, a); err != nil {
		return err
	}
	if _, err := r.promote(ctx, a); err != nil {
		return err
	}
	return r.withAs(ctx, a.Node, r.config.Functions, func(c *pgx.Conn) error { return host.Unmark(ctx, c) })
}

// wake has a.To start the server of a.Node, unless that runs, and waits until it
// answers.
func (r *runner) wake(ctx context.Context, a Action) error {
	if err := r.awaitOutcome(ctx, a.Node, "an answer, or the end of its shutdown", Refused, Alive); err != nil {
		return err
	}
	if outcome(r.with(ctx, a.Node, func(*pgx.Conn) error { return nil })) == Alive {
		return nil
	}
	err := r.functions(ctx, a.To, func(c *pgx.Conn, f host.Functions) error {
		return f.StartRemote(ctx, c, r.node(a.Node))
	})
	if err != nil {
		return fmt.Errorf("node %d was not started by the script %s: %w", a.Node, host.RemoteStart, err)
	}
	return r.awaitOutcome(ctx, a.Node, "an answer after "+host.RemoteStart+" has run", Alive)
}

var errUnmarked = errors.New("it came up out of recovery: somebody has removed standby.signal")

// rejoinBySQL starts a stopped old primary, which is marked as a standby, and has it
// follow a.To. The slot is there before: whoever starts it later finds the log.
func (r *runner) rejoinBySQL(ctx context.Context, a Action) error {
	if _, err := r.slotFor(ctx, a); err != nil {
		return err
	}
	if err := r.wake(ctx, a); err != nil {
		return err
	}
	err := r.with(ctx, a.Node, func(c *pgx.Conn) error {
		var standby bool
		err := c.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby)
		if err == nil && !standby {
			err = errUnmarked
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.repoint(ctx, a)
}
