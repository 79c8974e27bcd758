package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// explainRoute tells where EXPLAIN ROUTE is answered: nothing is routed here.
func explainRoute() command {
	return command{words: []string{"EXPLAIN", "ROUTE"}, usage: "statement", privilege: privilegeNone,
		help: "in a session of any other database: the node that a statement goes to, and why",
		parse: func(a *args) (runFunc, error) {
			a.rest()
			return nil, newError(codeNotSupported, "the console's statements go to no node").
				withHint("EXPLAIN ROUTE is answered in the sessions of every other database")
		}}
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
