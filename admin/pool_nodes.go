package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// poolNodes has the 14 columns of Pgpool-II 4.7. pg_status and pg_role are what
// the last probe found: no node is asked, so a node that hangs does not hang the
// command.
func poolNodes(d Deps) view {
	return view{
		name: "pool_nodes", help: "the nodes, their roles and statuses", audience: privilegeNone, style: pgpoolStyle,
		columns: columns("node_id:i hostname:s port:i status:s pg_status:s lb_weight:f role:s pg_role:s select_cnt:q " +
			"load_balance_node:b replication_delay:q replication_state:s replication_sync_state:s last_status_change:t"),
		rows: func(context.Context) ([][]any, error) { return poolNodeRows(d.Board, d.Counters), nil },
	}
}

func poolNodeRows(board *cluster.Board, counters Counters) [][]any {
	now := board.Current()
	total := totalWeight(now.Nodes)
	var rows [][]any
	for _, n := range now.Nodes {
		rows = append(rows, []any{
			int(n.ID), n.Host, n.Port, n.Status.String(), pgStatus(n), share(n.Weight, total), role(n), pgRole(n),
			counters.Selects(n.ID),
			false, // no node is chosen for a session of the console
			replicationDelay(board, now.Primary, n.ID),
			n.ReplicationState, n.SyncState, n.Since,
		})
	}
	return rows
}

func totalWeight(nodes []cluster.NodeState) float64 {
	total := 0.0
	for _, n := range nodes {
		total += n.Weight
	}
	return total
}

// share is a node's part of all weights, which sum to 1.
func share(weight, total float64) float64 {
	if total == 0 {
		return 0
	}
	return weight / total
}

func pgStatus(n cluster.NodeState) string {
	switch {
	case !n.Probed:
		return "unknown"
	case n.PGUp:
		return "up"
	}
	return "down"
}

// role is pgherd's view; Pgpool-II calls whatever is not the primary a standby.
func role(n cluster.NodeState) string {
	if n.Role == cluster.Primary {
		return cluster.Primary.String()
	}
	return cluster.Standby.String()
}

func pgRole(n cluster.NodeState) string {
	if pgStatus(n) != "up" {
		return cluster.RoleUnknown.String()
	}
	return n.PGRole.String()
}

// replicationDelay is how many bytes of log the node has yet to replay. It is 0,
// as in Pgpool-II, also when one of the two positions is not known: see status.
func replicationDelay(board *cluster.Board, primary, node cluster.NodeID) uint64 {
	if primary == cluster.NoNode || primary == node {
		return 0
	}
	replayed := board.Position(node).Load().LSN
	if replayed == 0 {
		return 0
	}
	return board.Position(primary).Load().LSN.Sub(replayed)
}
