package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

func attachNode(board *cluster.Board, engine Cluster) command {
	return command{
		words: []string{"ATTACH", "NODE"},
		usage: "n",
		help:  "put a node back into service",
		tag:   "ATTACH NODE",
		parse: onNode(board, func(ctx context.Context, node cluster.NodeID, _ func(string)) error {
			return engine.Attach(ctx, node)
		}),
	}
}
