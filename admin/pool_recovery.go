package admin

import (
	"context"
	"time"
)

// RecoveryJob is one recovery, live or past.
type RecoveryJob struct {
	Node, Source   int // Source is -1 until it is chosen
	Procedure      string
	Step           string // of a job that failed: where
	Since, Ended   time.Time
	Bytes, Total   int64   // of the step; 0 when it does not count
	Rate           float64 // bytes per second
	Lag            int64   // bytes that are not replayed yet; 0 when it does not count
	Lost           string  // what was the node's alone
	Message, Error string
}

// poolRecovery is every recovery since the start, as far as they are remembered.
func poolRecovery(d Deps) view {
	return view{
		name: "pool_recovery", help: "recoveries of nodes, live and past", audience: privilegeLook,
		columns: columns("node_id:i source:i procedure:s step:s since:t ended:t bytes:q total:q rate:q lag:q lost:s message:s error:s"),
		rows: func(context.Context) ([][]any, error) {
			var rows [][]any
			for _, j := range d.Recovery.RecoveryJobs() {
				row := []any{j.Node, nil, j.Procedure, j.Step, j.Since, nil, nil, nil, nil, nil, nullText(j.Lost), nullText(j.Message), nullText(j.Error)}
				if j.Source >= 0 {
					row[1] = j.Source
				}
				if !j.Ended.IsZero() {
					row[5] = j.Ended
				}
				if j.Total > 0 {
					row[6], row[7], row[8] = j.Bytes, j.Total, int64(j.Rate)
				}
				if j.Lag > 0 {
					row[9] = j.Lag
				}
				rows = append(rows, row)
			}
			return rows, nil
		},
	}
}
