package failover

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
)

// promote makes a standby leave recovery and waits until it has. Slots that it
// kept for itself on others' behalf are in the way of nobody, but its own
// former slot would hold log back for ever.
func (r *runner) promote(ctx context.Context, a Action) (Found, error) {
	var f Found
	var demoted bool // once, and writes must not meet the old default
	err := r.with(ctx, a.Node, func(c *pgx.Conn) error {
		if err := r.leaveRecovery(ctx, c, a.Node); err != nil {
			return fmt.Errorf("pg_promote: %w", err)
		}
		err := until(ctx, "leaving recovery", func() (bool, error) {
			var recovering bool
			err := c.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&recovering)
			return !recovering, err
		})
		if err != nil {
			return err
		}
		if demoted, err = r.resetReadOnly(ctx, c, a.Node); err != nil {
			return err
		}
		var file string
		if err := c.QueryRow(ctx, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())").Scan(&file); err != nil {
			return err
		}
		f.Timeline, err = timelineOf(file)
		return err
	})
	if err == nil && demoted {
		_, err = r.awaitDefault(ctx, a.Node, "off")
	}
	return f, err
}

// slotFor makes sure that a.To keeps a slot for a.Node, and returns its name.
// When a.To has none to spare (max_replication_slots) the standby follows
// without one.
func (r *runner) slotFor(ctx context.Context, a Action) (string, error) {
	name := r.node(a.Node).SlotName()
	err := r.with(ctx, a.To, func(c *pgx.Conn) error {
		if err := dropSlot(ctx, c, r.node(a.To).SlotName()); err != nil {
			r.log.Warn("former slot not dropped", "node", a.To, "error", err)
		}
		_, err := c.Exec(ctx, `SELECT pg_create_physical_replication_slot($1, true)
			WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)`, name)
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && outcomeOf(pg.Code) == Rejected {
		r.log.Warn("following without a slot", "node", a.Node, "primary", a.To, "slot", name, "error", err)
		return "", nil
	}
	return name, err
}

func dropSlot(ctx context.Context, c *pgx.Conn, name string) error {
	_, err := c.Exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
		WHERE slot_name = $1 AND NOT active`, name)
	return err
}

// dropSlots drops what a former primary kept for its standbys: nobody moves
// these slots on any more, and they would fill its disk.
func (r *runner) dropSlots(ctx context.Context, c *pgx.Conn, id cluster.NodeID) {
	for _, n := range r.board.Current().Nodes {
		if err := dropSlot(ctx, c, n.SlotName()); err != nil {
			r.log.Warn("former slot not dropped", "node", id, "slot", n.SlotName(), "error", err)
		}
	}
}

// alterSystem sets one parameter and reloads. The value may hold a password:
// the statement is kept out of the server's log.
func alterSystem(ctx context.Context, c *pgx.Conn, name, value string) error {
	for _, statement := range []string{
		"SET log_statement = 'none'", "SET log_min_duration_statement = -1", "SET log_min_error_statement = 'panic'",
		"ALTER SYSTEM SET " + pgx.Identifier{name}.Sanitize() + " = " + quoteLiteral(value),
		"SELECT pg_reload_conf()",
	} {
		if _, err := c.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	return nil
}
