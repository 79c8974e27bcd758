package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// explainRecover is RECOVER NODE without doing anything.
func explainRecover(board *cluster.Board, engine Recovery) command {
	return command{
		words:   []string{"EXPLAIN", "RECOVER", "NODE"},
		usage:   "n [FOLLOW | REWIND | REBUILD]",
		help:    "what RECOVER NODE would do and why, step by step, and every reason to refuse it; nothing is done",
		columns: columns("kind:s number:i text:s hint:s"),
		parse: func(a *args) (runFunc, error) {
			number, err := a.number("a node number")
			if err != nil {
				return nil, err
			}
			mode := recoverMode(a)
			return func(ctx context.Context, _ func(string)) ([][]any, error) {
				node, err := findNode(board, number)
				if err != nil {
					return nil, err
				}
				plan, err := engine.ExplainRecover(ctx, node, mode)
				return plan.rows(), err
			}, a.end()
		},
	}
}
