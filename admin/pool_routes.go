package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// poolRoutes is where statements went, and why.
func poolRoutes(d Deps) view {
	return view{name: "pool_routes", help: "how many statements went to which node for which reason", audience: privilegeLook,
		columns: columns("node_id:i hostname:s port:i reason:s count:q"),
		rows: func(context.Context) ([][]any, error) {
			var rows [][]any
			now := d.Board.Current()
			for _, r := range d.Counters.Routed() {
				n := now.At(cluster.NodeID(r.Node))
				rows = append(rows, []any{r.Node, n.Host, n.Port, r.Reason, r.Count})
			}
			return rows, nil
		}}
}
