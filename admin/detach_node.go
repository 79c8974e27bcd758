package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

func detachNode(board *cluster.Board, engine Cluster) command {
	return command{
		words: []string{"DETACH", "NODE"},
		usage: "n [GRACEFULLY]",
		help:  "take a node out of service until it is attached; GRACEFULLY waits for the statements that run there",
		tag:   "DETACH NODE",
		parse: func(a *args) (runFunc, error) {
			number, err := a.number("a node number")
			if err != nil {
				return nil, err
			}
			gracefully := a.try("GRACEFULLY")
			return func(ctx context.Context, progress func(string)) ([][]any, error) {
				node, err := findNode(board, number)
				if err != nil {
					return nil, err
				}
				if gracefully && node != board.Current().Primary { // which is refused anyway
					return nil, engine.DetachGracefully(ctx, node, progress)
				}
				return nil, engine.Detach(ctx, node)
			}, a.end()
		},
	}
}
