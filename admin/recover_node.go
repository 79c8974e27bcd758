package admin

import "github.com/pgherd/pgherd/internal/cluster"

func recoverNode(board *cluster.Board, engine Recovery) command {
	return command{
		words: []string{"RECOVER", "NODE"},
		usage: "n",
		help:  "rebuild a node from the primary and attach it as a standby",
		tag:   "RECOVER NODE",
		parse: onNode(board, engine.Recover),
	}
}
