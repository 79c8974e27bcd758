package admin

import (
	"context"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Change is a change of the primary, under way or over. Phase is "" when it is
// over.
type Change struct {
	Epoch    cluster.Epoch // that it ends, or has ended
	Kind     string        // promote, failover, outside; "" when it is not known
	From, To cluster.NodeID
	Phase    string
	Since    time.Time
	End      cluster.LSN // where the log of the epoch ends; 0 when it is not known yet
	Complete bool        // nothing was lost
}

// poolFailover is how the primary has changed: the end of each epoch with its
// cause, and what the journal says of the change under way.
func poolFailover(d Deps) view {
	return view{name: "pool_failover", help: "changes of the primary: those that ended an epoch, and the one under way", audience: privilegeLook,
		columns: columns("epoch:q state:s kind:s from_node:i to_node:i phase:s since:t end_lsn:s lossless:b"),
		rows: func(ctx context.Context) ([][]any, error) {
			changes, err := d.Cluster.Changes(ctx)
			var rows [][]any
			for _, c := range changes {
				row := []any{uint64(c.Epoch), "done", nullText(c.Kind), nullNode(c.From), nullNode(c.To), nullText(c.Phase), c.Since, nil, nil}
				if c.Phase != "" {
					row[1] = "running"
				} else {
					row[7], row[8] = nullPosition(c.End), c.Complete
				}
				rows = append(rows, row)
			}
			return rows, err
		}}
}

func nullPosition(at cluster.LSN) any {
	if at == 0 {
		return nil
	}
	return at.String()
}
