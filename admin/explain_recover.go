package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// explainRecover is RECOVER NODE without doing anything.
func explainRecover(board *cluster.Board, engine Recovery) command {
	return command{
		words:   []string{"EXPLAIN", "RECOVER", "NODE"},
		usage:   recoverUsage,
		help:    "what RECOVER NODE would do and why, step by step, and every reason to refuse it; nothing is done",
		columns: columns("kind:s number:i text:s hint:s"),
		parse: func(a *args) (runFunc, error) {
			r, err := parseRecovery(a)
			return func(ctx context.Context, _ func(string)) (rows [][]any, err error) {
				err = r.on(ctx, board, func(ctx context.Context, node cluster.NodeID, o RecoverOptions) error {
					plan, err := engine.ExplainRecover(ctx, node, o)
					rows = plan.rows()
					return err
				})
				return rows, err
			}, err
		},
	}
}
