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
		parse: func(a *args) (runFunc, error) {
			number, err := a.number("a node number")
			if err != nil {
				return nil, err
			}
			mode := promoteMode(a)
			return func(ctx context.Context, _ func(string)) ([][]any, error) {
				node, err := findNode(board, number)
				if err != nil {
					return nil, err
				}
				plan, err := engine.Explain(ctx, node, mode)
				return plan.rows(), err
			}, a.end()
		},
	}
}
