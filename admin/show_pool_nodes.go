package admin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// showPoolNodes answers with the 14 columns of Pgpool-II 4.7. pg_status and
// pg_role are what the last probe found: no node is asked, so a node that hangs
// does not hang the command.
func showPoolNodes(board *cluster.Board, counters Counters) command {
	return command{
		words:     []string{"SHOW", "POOL_NODES"},
		help:      "the nodes, their roles and statuses",
		privilege: privilegeLook,
		columns: []string{"node_id", "hostname", "port", "status", "pg_status", "lb_weight", "role", "pg_role",
			"select_cnt", "load_balance_node", "replication_delay", "replication_state",
			"replication_sync_state", "last_status_change"},
		parse: nothingMore(func(context.Context, func(string)) ([][]string, error) {
			return poolNodes(board, counters), nil
		}),
	}
}

func poolNodes(board *cluster.Board, counters Counters) [][]string {
	now := board.Current()
	total := totalWeight(now.Nodes)
	var rows [][]string
	for _, n := range now.Nodes {
		rows = append(rows, []string{
			strconv.Itoa(int(n.ID)), n.Host, strconv.Itoa(n.Port),
			n.Status.String(), pgStatus(n), share(n.Weight, total), role(n), pgRole(n),
			strconv.FormatUint(counters.Selects(n.ID), 10),
			"false", // no node is chosen for a session of the console
			strconv.FormatUint(replicationDelay(board, now.Primary, n.ID), 10),
			n.ReplicationState, n.SyncState, n.Since.Local().Format(time.DateTime),
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
func share(weight, total float64) string {
	if total == 0 {
		return "0.000000"
	}
	return fmt.Sprintf("%f", weight/total)
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
