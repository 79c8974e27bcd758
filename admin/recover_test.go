package admin

import (
	"context"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// What the engines of the scenarios have to say of recoveries.

func (e *engines) ExplainRecover(_ context.Context, node cluster.NodeID, how RecoverOptions) (Plan, error) {
	if node == 0 {
		return Plan{Obstacles: []Obstacle{{Problem: "node 0 is the primary", Hint: "promote another node"}}}, nil
	}
	if how.Mode == RecoverRewind {
		return Plan{Diagnosis: "its log goes on", Loss: "8 kB of log", Steps: []string{"rewind"}}, nil
	}
	return Plan{Diagnosis: "its log is part of the primary's, asked for " + how.Mode.String(), Steps: []string{"stop", "start"}}, nil
}

func (e *engines) KillRecovery(_ context.Context, node cluster.NodeID) error {
	if node != 1 {
		return refused{"no recovery of this node is running", "55000", "SHOW POOL_RECOVERY"}
	}
	return nil
}

func (e *engines) RecoveryJobs() []RecoveryJob {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return []RecoveryJob{
		{Node: 1, Source: 0, Procedure: "rewind", Step: "rewind", Since: at, Ended: at.Add(time.Minute), Lost: "3 transactions", Error: "no space left on device"},
		{Node: 2, Source: -1, Procedure: "undecided", Step: "preflight", Since: at},
		{Node: 2, Source: 0, Procedure: "rebuild", Step: "base_backup", Since: at, Bytes: 100, Total: 200, Rate: 50.5, Lag: 7, Message: "half"},
	}
}
