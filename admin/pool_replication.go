package admin

import "context"

// poolReplication is how far each node has got, as it was last polled.
func poolReplication(d Deps) view {
	return view{
		name: "pool_replication", help: "positions in the log and how far the standbys are behind", audience: privilegeLook,
		columns: columns("node_id:i hostname:s port:i role:s epoch:q timeline:q lsn:s polled:t behind_bytes:q behind:v " +
			"replication_state:s replication_sync_state:s"),
		rows: func(context.Context) ([][]any, error) {
			now := d.Board.Current()
			var rows [][]any
			for _, n := range now.Nodes {
				at := d.Board.Position(n.ID).Load()
				row := []any{int(n.ID), n.Host, n.Port, role(n), uint64(at.Epoch), uint64(n.Timeline), nil, at.Began, nil, nil,
					n.ReplicationState, n.SyncState}
				if at.LSN != 0 {
					row[6], row[8] = at.LSN.String(), replicationDelay(d.Board, now.Primary, n.ID)
				}
				if at.Lag != 0 {
					row[9] = at.Lag
				}
				rows = append(rows, row)
			}
			return rows, nil
		},
	}
}
