package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Plan is what a promotion would do, and what stands in its way.
type Plan struct {
	Steps     []string
	Obstacles []Obstacle
}

// Obstacle is a reason to refuse a promotion. A passing one may go by itself.
type Obstacle struct {
	Problem, Hint string
	Passing       bool
}

func (o Obstacle) kind() string {
	if o.Passing {
		return "waits"
	}
	return "refused"
}

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

func (p Plan) rows() [][]any {
	var rows [][]any
	for i, step := range p.Steps {
		rows = append(rows, []any{"step", i + 1, step, nil})
	}
	for i, o := range p.Obstacles {
		rows = append(rows, []any{o.kind(), i + 1, o.Problem, nullText(o.Hint)})
	}
	return rows
}
