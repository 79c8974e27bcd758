package failover

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// readOnly is the setting that a demotion changes (PostgreSQL,
// default_transaction_read_only). Clients may still set transaction_read_only themselves.
const readOnly = "default_transaction_read_only"

// demote makes a primary read-only by default and ends every session that may
// have begun before. Found.Received is where its log is flushed then: all that
// these sessions were promised is before that.
func (r *runner) demote(ctx context.Context, a Action) (f Found, err error) {
	err = r.with(ctx, a.Node, func(c *pgx.Conn) error {
		if err := endable(ctx, c); err != nil {
			return err
		}
		return alterSystem(ctx, c, readOnly, "on")
	})
	if err != nil {
		return f, err
	}
	since, err := r.awaitDefault(ctx, a.Node, "on")
	if err != nil {
		return f, err
	}
	err = r.with(ctx, a.Node, func(c *pgx.Conn) error {
		if err := terminate(ctx, c, since); err != nil {
			return err
		}
		f.Received, err = flushed(ctx, c)
		return err
	})
	return f, err
}

// reopen takes a demotion back. Writes that were held must not meet the old default.
func (r *runner) reopen(ctx context.Context, a Action) error {
	err := r.with(ctx, a.Node, func(c *pgx.Conn) error {
		_, err := r.resetReadOnly(ctx, c, a.Node)
		return err
	})
	if err == nil {
		_, err = r.awaitDefault(ctx, a.Node, "off")
	}
	return err
}

// awaitDefault waits until new sessions of the node begin with that default, and
// tells when the first of them began, by the node's clock.
func (r *runner) awaitDefault(ctx context.Context, id cluster.NodeID, want string) (began time.Time, err error) {
	err = until(ctx, fmt.Sprintf("node %d: %s = %s in new sessions", id, readOnly, want), func() (is bool, err error) {
		err = r.with(ctx, id, func(c *pgx.Conn) error {
			return c.QueryRow(ctx, "SELECT current_setting($1) = $2, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()",
				readOnly, want).Scan(&is, &began)
		})
		return is, err
	})
	return began, err
}

// terminate ends the clients that began before since, and waits until they have
// gone. Pgherd's own connections do not write.
func terminate(ctx context.Context, c *pgx.Conn, since time.Time) error {
	return until(ctx, "the end of all sessions", func() (bool, error) {
		var left int
		err := c.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND backend_start < $1
			AND NOT (usename = current_user AND application_name = 'pgherd')`, since).Scan(&left)
		return left == 0, err
	})
}

// endable: pg_signal_backend does not reach superusers. It is asked before anything is
// changed.
func endable(ctx context.Context, c *pgx.Conn) error {
	var users []string
	err := c.QueryRow(ctx, `SELECT array(SELECT DISTINCT a.usename::text FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
		WHERE a.backend_type = 'client backend' AND r.rolsuper
		AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))`).Scan(&users)
	if err == nil && len(users) > 0 {
		err = fmt.Errorf("sessions of the superusers %s cannot be ended by monitor.user, which is none: end them, "+
			"have applications log in as ordinary users, or set access of the node", strings.Join(users, ", "))
	}
	return err
}

// flushed writes all of the log to disk, commits that did not wait for that
// included, and tells its end.
func flushed(ctx context.Context, c *pgx.Conn) (cluster.LSN, error) {
	if _, err := c.Exec(ctx, "CHECKPOINT"); err != nil {
		return 0, err
	}
	var text string
	if err := c.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&text); err != nil {
		return 0, err
	}
	return cluster.ParseLSN(text)
}

// resetReadOnly removes what an earlier demotion has left in postgresql.auto.conf,
// and tells whether it did.
func resetReadOnly(ctx context.Context, c *pgx.Conn) (left bool, err error) {
	err = c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_file_settings
		WHERE name = $1 AND sourcefile LIKE '%postgresql.auto.conf')`, readOnly).Scan(&left)
	if err != nil || !left {
		return false, err
	}
	for _, statement := range []string{"ALTER SYSTEM RESET " + readOnly, "SELECT pg_reload_conf()"} {
		if _, err := c.Exec(ctx, statement); err != nil {
			return true, fmt.Errorf("resetting %s: %w", readOnly, err)
		}
	}
	return true, nil
}
