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
	RecoverTwoStage // an option, not a word: WITH (two_stage)
)

func (m RecoverMode) String() string {
	return [...]string{"any", "FOLLOW", "REWIND", "REBUILD", "two_stage"}[m]
}

func recoverNode(board *cluster.Board, engine Recovery) command {
	return command{
		words: []string{"RECOVER", "NODE"},
		usage: recoverUsage,
		help:  "bring a node back as a standby of the primary, and attach it; in the cheapest way that works, unless one is named",
		tag:   "RECOVER NODE",
		parse: func(a *args) (runFunc, error) {
			r, err := parseRecovery(a)
			return func(ctx context.Context, progress func(string)) ([][]any, error) {
				return nil, r.on(ctx, board, func(ctx context.Context, node cluster.NodeID, o RecoverOptions) error {
					return engine.Recover(ctx, node, o, progress)
				})
			}, err
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
