package failover

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// freeze stops a standby's receiver. The startup process takes the new setting
// up in its own time, so the receiver must be seen gone twice.
func (r *runner) freeze(ctx context.Context, a Action) (Found, error) {
	var f Found
	err := r.with(ctx, a.Node, func(c *pgx.Conn) (err error) {
		if f.Conninfo, err = currentConninfo(ctx, c); err != nil {
			return err
		}
		if err := r.alterSystem(ctx, c, a.Node, "primary_conninfo", ""); err != nil {
			return err
		}
		gone := 0
		return until(ctx, "stopping the walreceiver", func() (bool, error) {
			var stopped bool
			err := c.QueryRow(ctx, `SELECT current_setting('primary_conninfo') = ''
				AND NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`).Scan(&stopped)
			gone++
			if !stopped {
				gone = 0
			}
			return gone >= 2, err
		})
	})
	return f, err
}

// unfreeze undoes freeze; it does not wait.
func (r *runner) unfreeze(ctx context.Context, a Action) error {
	return r.with(ctx, a.Node, func(c *pgx.Conn) error {
		return r.follow(ctx, c, a)
	})
}

// follow writes primary_conninfo of a running standby, keeping what the present
// one has, or had before a freeze.
func (r *runner) follow(ctx context.Context, c *pgx.Conn, a Action) error {
	now, err := currentConninfo(ctx, c)
	if err != nil {
		return err
	}
	return r.alterSystem(ctx, c, a.Node, "primary_conninfo", r.conninfo(a, cmp.Or(now, a.Conninfo)))
}

func currentConninfo(ctx context.Context, c *pgx.Conn) (string, error) {
	var text string
	err := c.QueryRow(ctx, "SELECT current_setting('primary_conninfo')").Scan(&text)
	return text, err
}

// conninfo is old changed to lead to a.To. One that cannot be read is of no use
// to the standby either.
func (r *runner) conninfo(a Action, old string) string {
	to, standby := r.node(a.To), r.node(a.Node)
	text, err := to.FollowConninfo(old, standby, r.config.Monitor)
	if err != nil {
		r.log.Warn("primary_conninfo is written anew", "node", a.Node, "error", err)
		return to.PrimaryConninfo(standby, r.config.Monitor)
	}
	return text
}

// collect reads the end of a frozen standby's log. The timeline is the one that
// IDENTIFY_SYSTEM tells, because the control file's is that of the last
// restartpoint.
func (r *runner) collect(ctx context.Context, a Action) (Found, error) {
	var rep Report
	err := r.with(ctx, a.Node, func(c *pgx.Conn) error { return ask(ctx, c, &rep) })
	if err != nil {
		return Found{}, err
	}
	f := Found{SystemID: rep.SystemID, Timeline: rep.Timeline, Received: rep.Received, Replayed: rep.Replayed,
		Paused: rep.Paused, Delay: rep.Delay}
	timeline, err := r.identify(ctx, a.Node)
	if err != nil {
		r.log.Warn("timeline taken from the control file", "node", a.Node, "error", err)
		return f, nil
	}
	f.Timeline = timeline
	return f, nil
}

// identify asks IDENTIFY_SYSTEM on a replication connection. It is one to a
// database, for which pg_hba.conf needs no line of its own.
func (r *runner) identify(ctx context.Context, id cluster.NodeID) (cluster.Timeline, error) {
	conn, err := connect(ctx, r.node(id), r.config.Monitor, "replication", "database")
	if err != nil {
		return 0, err
	}
	defer hangUp(conn)
	results, err := conn.PgConn().Exec(ctx, "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		return 0, fmt.Errorf("node %d: IDENTIFY_SYSTEM: %w", id, err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) < 2 {
		return 0, fmt.Errorf("node %d: IDENTIFY_SYSTEM did not answer one row", id)
	}
	var t cluster.Timeline
	_, err = fmt.Sscan(string(results[0].Rows[0][1]), &t)
	return t, err
}

// settled is how often in a row a startup process must be seen waiting for more
// log at the same place.
const settled = 3

// awaitReplay waits until the node has replayed a.LSN. With a.Torn it is enough
// that nothing more can be replayed: the log may end in half a record. Found
// tells how far replay is also when that fails.
func (r *runner) awaitReplay(ctx context.Context, a Action) (Found, error) {
	var f Found
	err := r.with(ctx, a.Node, func(c *pgx.Conn) error {
		if a.Torn {
			// A promotion would end the pause as well, but only after the
			// position was noted.
			if err := r.hurry(ctx, c, a.Node); err != nil {
				return err
			}
		}
		idle := 0
		return until(ctx, "replay up to "+a.LSN.String(), func() (bool, error) {
			at, waiting, err := replayed(ctx, c)
			if err != nil {
				return false, err
			}
			idle++
			if !waiting || at != f.Replayed {
				idle = 0
			}
			f.Replayed = at
			return at >= a.LSN || a.Torn && idle >= settled, nil
		})
	})
	return f, err
}

// hurry has a standby replay what it has: a pause and a delay would keep it
// from becoming the primary. Nobody else was fit for it.
func (r *runner) hurry(ctx context.Context, c *pgx.Conn, id cluster.NodeID) error {
	var paused, delayed bool
	err := c.QueryRow(ctx, `SELECT pg_is_wal_replay_paused(),
		current_setting('recovery_min_apply_delay')::interval > interval '0'`).Scan(&paused, &delayed)
	if err != nil {
		return err
	}
	if paused {
		r.log.Warn("replay was paused and is resumed", "node", id)
		if _, err := c.Exec(ctx, "SELECT pg_wal_replay_resume()"); err != nil {
			return err
		}
	}
	if delayed {
		r.log.Warn("recovery_min_apply_delay is set to 0", "node", id)
		return r.alterSystem(ctx, c, id, "recovery_min_apply_delay", "0")
	}
	return nil
}

// replayed tells how far replay is and whether it waits for more log.
func replayed(ctx context.Context, c *pgx.Conn) (at cluster.LSN, waiting bool, err error) {
	var text string
	err = c.QueryRow(ctx, `SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')::text,
		EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
		        AND wait_event IN ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream'))`).Scan(&text, &waiting)
	if err != nil {
		return 0, false, err
	}
	at, err = cluster.ParseLSN(text)
	return at, waiting, err
}

// repoint lets a running standby follow a.To (PostgreSQL 13 or newer).
func (r *runner) repoint(ctx context.Context, a Action) error {
	slot, err := r.slotFor(ctx, a)
	if err != nil {
		return err
	}
	return r.with(ctx, a.Node, func(c *pgx.Conn) error {
		if err := r.alterSystem(ctx, c, a.Node, "primary_slot_name", slot); err != nil {
			return err
		}
		if err := r.follow(ctx, c, a); err != nil {
			return err
		}
		return r.awaitStreaming(ctx, c, a)
	})
}

// nudge is after how many glances a standby is told again to reload.
const nudge = 30

func (r *runner) awaitStreaming(ctx context.Context, c *pgx.Conn, a Action) error {
	looks := 0
	err := until(ctx, fmt.Sprintf("streaming from node %d", a.To), func() (bool, error) {
		if looks++; looks%nudge == 0 {
			if _, err := c.Exec(ctx, "SELECT pg_reload_conf()"); err != nil && !rights.Denied(err) {
				return false, err
			}
		}
		var now Receiver
		err := c.QueryRow(ctx, `SELECT coalesce(max(status), ''), coalesce(max(sender_host), ''), coalesce(max(sender_port), 0)
			FROM pg_stat_wal_receiver`).Scan(&now.Status, &now.Host, &now.Port)
		return now.Streams(r.node(a.To)), err
	})
	if err != nil {
		return err
	}
	r.dropSlots(ctx, c, a.Node)
	return nil
}
