package failover

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// What the monitor's account may not do by SQL is done on the node's machine, where
// pgherd has access to that.

// otherwise has f do what err was about, if it was denied and node id has a machine.
func (r *runner) otherwise(id cluster.NodeID, err error, f func(Instance) error) error {
	if !rights.Denied(err) || !r.node(id).Access.Machine() {
		return err
	}
	i, unable := r.instances(id)
	if unable == nil {
		unable = f(i)
	}
	if unable != nil {
		return errors.Join(err, unable)
	}
	return nil
}

// alterSystem sets one parameter of node id and reloads.
func (r *runner) alterSystem(ctx context.Context, c *pgx.Conn, id cluster.NodeID, name, value string) error {
	return r.otherwise(id, alterSystem(ctx, c, name, value), func(i Instance) error {
		_, err := i.Alter(ctx, map[string]string{name: value})
		return err
	})
}

// resetReadOnly takes an earlier demotion of node id back, and tells whether there was one.
func (r *runner) resetReadOnly(ctx context.Context, c *pgx.Conn, id cluster.NodeID) (left bool, err error) {
	left, err = resetReadOnly(ctx, c)
	err = r.otherwise(id, err, func(i Instance) (err error) {
		left, err = i.Alter(ctx, nil, readOnly)
		return err
	})
	return left, err
}

// leaveRecovery has a standby begin its promotion.
func (r *runner) leaveRecovery(ctx context.Context, c *pgx.Conn, id cluster.NodeID) error {
	var standby bool
	if err := c.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil || !standby {
		return err
	}
	_, err := c.Exec(ctx, "SELECT pg_promote(false)")
	return r.otherwise(id, err, func(i Instance) error { return i.Promote(ctx) })
}

// writeOut makes a checkpoint if the account may: it only saves time.
func (r *runner) writeOut(ctx context.Context, c *pgx.Conn, id cluster.NodeID) error {
	_, err := c.Exec(ctx, "CHECKPOINT")
	if rights.Denied(err) {
		r.log.Debug("no checkpoint", "node", id, "error", err)
		return nil
	}
	return err
}
