package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// poolEvents is what has happened to the cluster lately, oldest first.
func poolEvents(d Deps) view {
	return view{name: "pool_events", help: "what happened, when and why", audience: privilegeLook,
		columns: columns("id:q at:t node_id:i kind:s event:s"),
		rows: func(context.Context) ([][]any, error) {
			var rows [][]any
			for _, e := range d.Journal.List() {
				rows = append(rows, []any{e.Number, e.At, nullNode(e.Node), string(e.Kind), e.Text})
			}
			return rows, nil
		}}
}

// nullNode is NULL for no node.
func nullNode(id cluster.NodeID) any {
	if id == cluster.NoNode {
		return nil
	}
	return int(id)
}
