package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
)

// RecoverMode is how a node is to be brought back.
type RecoverMode int

const (
	RecoverAny RecoverMode = iota // whichever is enough
	RecoverFollow
	RecoverRewind
	RecoverRebuild
)

func (m RecoverMode) String() string {
	return [...]string{"any", "FOLLOW", "REWIND", "REBUILD"}[m]
}

func recoverNode(board *cluster.Board, engine Recovery) command {
	return command{
		words: []string{"RECOVER", "NODE"},
		usage: "n [FOLLOW | REWIND | REBUILD]",
		help:  "bring a node back as a standby of the primary, and attach it; by the cheapest way that there is, unless one is named",
		tag:   "RECOVER NODE",
		parse: func(a *args) (runFunc, error) {
			number, err := a.number("a node number")
			if err != nil {
				return nil, err
			}
			mode := recoverMode(a)
			return func(ctx context.Context, progress func(string)) ([][]any, error) {
				node, err := findNode(board, number)
				if err != nil {
					return nil, err
				}
				return nil, engine.Recover(ctx, node, mode, progress)
			}, a.end()
		},
	}
}

func recoverMode(a *args) RecoverMode {
	for m := RecoverFollow; m <= RecoverRebuild; m++ {
		if a.try(m.String()) {
			return m
		}
	}
	return RecoverAny
}
