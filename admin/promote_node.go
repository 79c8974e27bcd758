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
		parse: promotion(board, func(ctx context.Context, node cluster.NodeID, mode PromoteMode, progress func(string)) ([][]any, error) {
			return nil, engine.Promote(ctx, node, mode, progress)
		}),
	}
}

// promotion parses "n [SWITCHOVER | FORCE]" for a command that runs do with it.
func promotion(board *cluster.Board, do func(context.Context, cluster.NodeID, PromoteMode, func(string)) ([][]any, error)) func(*args) (runFunc, error) {
	return func(a *args) (runFunc, error) {
		number, err := a.number("a node number")
		if err != nil {
			return nil, err
		}
		mode := Switchover
		if !a.try("SWITCHOVER") && a.try("FORCE") {
			mode = Force
		}
		return func(ctx context.Context, progress func(string)) ([][]any, error) {
			node, err := findNode(board, number)
			if err != nil {
				return nil, err
			}
			return do(ctx, node, mode, progress)
		}, a.end()
	}
}
