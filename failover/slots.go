package failover

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// tidySlots has a standby that has come into service drop the slots by which others
// followed it when it was the primary. Who was made to follow by an action has lost
// them already, unless that was broken off, or it came back by itself.
func (r *runner) tidySlots(ctx context.Context, id cluster.NodeID) {
	ctx, cancel := context.WithTimeout(ctx, r.config.SwitchoverTimeout)
	defer cancel()
	var names []string
	for _, n := range r.board.Current().Nodes {
		names = append(names, n.SlotName())
	}
	err := r.with(ctx, id, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
			WHERE slot_name::text = ANY($1) AND NOT active AND pg_is_in_recovery()`, names)
		return err
	})
	if err != nil && ctx.Err() == nil {
		r.log.Warn("former slots not dropped", "node", id, "error", err)
	}
}
