package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// explainPromote is PROMOTE NODE without doing anything.
func explainPromote(board *cluster.Board, engine Cluster) command {
	return command{
		words:   []string{"EXPLAIN", "PROMOTE", "NODE"},
		usage:   "n [SWITCHOVER | FORCE]",
		help:    "what PROMOTE NODE would do, step by step, and every reason to refuse it; nothing is done",
		columns: columns("kind:s number:i text:s hint:s"),
		parse: promotion(board, func(ctx context.Context, node cluster.NodeID, mode PromoteMode, _ func(string)) ([][]any, error) {
			plan, err := engine.Explain(ctx, node, mode)
			return plan.rows(), err
		}),
	}
}
