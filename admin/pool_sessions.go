package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// poolSessions is what routing and pooling know of each client: where it is, why it
// keeps its server, and what its reads must not be older than.
func poolSessions(d Deps) view {
	return view{name: "pool_sessions", help: "clients: where they are, why they keep a connection, what their reads must see", audience: privilegeLook,
		columns: columns("id:q database:s username:s application_name:s client_addr:s state:s node_id:i pin:s request_time:t " +
			"waiting:v consistency:s token:s token_pending:b"),
		rows: func(ctx context.Context) ([][]any, error) {
			all, err := d.Traffic.Clients(ctx)
			var rows [][]any
			for _, c := range all {
				rows = append(rows, []any{c.ID, c.Database, c.User, c.ApplicationName, nullText(c.Host), c.State.String(), nullNode(cluster.NodeID(c.Node)), nullText(c.Pin),
					unlessZero(c.Request), unlessZero(c.Waited), c.Consistency, nullText(c.Token), c.TokenPending})
			}
			return rows, err
		}}
}

// unlessZero is NULL for what there is not.
func unlessZero[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
