package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// poolReplication is how far each node has got, as it was last polled, and who else
// receives the primary's log.
func poolReplication(d Deps) view {
	return view{
		name: "pool_replication", help: "positions in the log and how far the standbys are behind", audience: privilegeLook,
		columns: columns("node_id:i hostname:s port:i role:s epoch:q timeline:q lsn:s polled:t behind_bytes:q behind:v " +
			"replication_state:s replication_sync_state:s " +
			"application_name:s"),
		rows: func(context.Context) ([][]any, error) {
			now := d.Board.Current()
			var rows [][]any
			for _, n := range now.Nodes {
				at := d.Board.Position(n.ID).Load()
				row := []any{int(n.ID), n.Host, n.Port, role(n), uint64(at.Epoch), uint64(n.Timeline), nil, at.Began, nil, nil,
					n.ReplicationState, n.SyncState, n.Name}
				if at.LSN != 0 {
					row[6], row[8] = at.LSN.String(), replicationDelay(d.Board, now.Primary, n.ID)
				}
				if at.Lag != 0 {
					row[9] = at.Lag
				}
				rows = append(rows, row)
			}
			return append(rows, receivers(d.Board, now)...), nil
		},
	}
}

// receivers have no number and no address of ours: their position is what they have
// flushed, or written where they flush nothing.
func receivers(b *cluster.Board, now *cluster.Snapshot) (rows [][]any) {
	all := b.Receivers()
	if all.Primary != now.Primary {
		return nil
	}
	for _, r := range all.List {
		row := []any{nil, nil, nil, "receiver", uint64(now.Epoch), nil, nil, all.Asked, nil, nil, r.State, r.SyncState, r.Name}
		if at := max(r.Written, r.Flushed); at != 0 {
			row[6], row[8] = at.String(), all.End.Sub(at)
		}
		rows = append(rows, row)
	}
	return rows
}
