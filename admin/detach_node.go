package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

func detachNode(board *cluster.Board, engine Cluster) command {
	return command{
		words: []string{"DETACH", "NODE"},
		usage: "n",
		help:  "take a node out of service until it is attached",
		tag:   "DETACH NODE",
		parse: onNode(board, func(ctx context.Context, node cluster.NodeID, _ func(string)) error {
			return engine.Detach(ctx, node)
		}),
	}
}
