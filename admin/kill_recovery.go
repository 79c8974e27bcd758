package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

func killRecovery(d Deps) command {
	return command{
		words: []string{"KILL", "RECOVERY"},
		usage: "n",
		help:  "cancel the recovery of a node, whoever began it, and wait until it has ended",
		tag:   "KILL RECOVERY",
		parse: onNode(d.Board, func(ctx context.Context, node cluster.NodeID, _ func(string)) error {
			return d.Recovery.KillRecovery(ctx, node)
		}),
	}
}
