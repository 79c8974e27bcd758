package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// RecoveryPlan is what a recovery would do, and what stands in its way.
type RecoveryPlan struct {
	Diagnosis string
	Steps     []string
	Obstacles []RecoveryObstacle
}

// RecoveryObstacle is a reason to refuse a recovery.
type RecoveryObstacle struct{ Problem, Hint string }

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

func (p RecoveryPlan) rows() [][]any {
	var rows [][]any
	if p.Diagnosis != "" {
		rows = append(rows, []any{"diagnosis", 1, p.Diagnosis, nil})
	}
	for i, step := range p.Steps {
		rows = append(rows, []any{"step", i + 1, step, nil})
	}
	for i, o := range p.Obstacles {
		rows = append(rows, []any{"refused", i + 1, o.Problem, nullText(o.Hint)})
	}
	return rows
}
