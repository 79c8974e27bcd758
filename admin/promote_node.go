package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

func promoteNode(board *cluster.Board, engine Cluster) command {
	return command{
		words: []string{"PROMOTE", "NODE"},
		usage: "n [SWITCHOVER | FORCE]",
		help: "make a standby the primary; SWITCHOVER (the default) stops the old primary cleanly and loses nothing, " +
			"FORCE goes on without it",
		tag: "PROMOTE NODE",
		parse: func(a *args) (runFunc, error) {
			number, err := a.number("a node number")
			if err != nil {
				return nil, err
			}
			mode := promoteMode(a)
			return func(ctx context.Context, progress func(string)) ([][]any, error) {
				node, err := findNode(board, number)
				if err != nil {
					return nil, err
				}
				return nil, engine.Promote(ctx, node, mode, progress)
			}, a.end()
		},
	}
}

func promoteMode(a *args) PromoteMode {
	if !a.try("SWITCHOVER") && a.try("FORCE") {
		return Force
	}
	return Switchover
}
