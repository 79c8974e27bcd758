package admin

import (
	"context"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// poolBackendStats has the 14 columns of Pgpool-II 4.7.
func poolBackendStats(d Deps) view {
	return view{name: "pool_backend_stats", help: "statements and errors of each node", audience: privilegeNone, style: pgpoolStyle,
		columns: columns("node_id:i hostname:s port:i status:s role:s select_cnt:q insert_cnt:q update_cnt:q delete_cnt:q ddl_cnt:q " +
			"other_cnt:q panic_cnt:q fatal_cnt:q error_cnt:q"),
		rows: func(ctx context.Context) ([][]any, error) {
			works, err := d.Counters.Works(ctx)
			if err != nil {
				return nil, err
			}
			var rows [][]any
			for _, n := range d.Board.Current().Nodes {
				w := works[n.ID]
				rows = append(rows, append(nodeColumns(n), w.Selects, w.Inserts, w.Updates, w.Deletes, w.DDL, w.Others,
					w.Panics, w.Fatals, w.Errors))
			}
			return rows, nil
		}}
}

// nodeColumns are the first five of several of Pgpool-II's views.
func nodeColumns(n cluster.NodeState) []any {
	return []any{int(n.ID), n.Host, n.Port, n.Status.String(), role(n)}
}

// poolHealthCheckStats has the 20 columns of Pgpool-II 4.7; times are in
// milliseconds. No check is ever skipped: a node that is down is checked too.
func poolHealthCheckStats(d Deps) view {
	return view{name: "pool_health_check_stats", help: "health checks of each node", audience: privilegeNone, style: pgpoolStyle,
		columns: columns("node_id:i hostname:s port:i status:s role:s last_status_change:t total_count:q success_count:q fail_count:q " +
			"skip_count:q retry_count:q average_retry_count:f max_retry_count:q max_duration:q min_duration:q average_duration:f " +
			"last_health_check:t last_successful_health_check:t last_skip_health_check:t last_failed_health_check:t"),
		rows: func(context.Context) ([][]any, error) {
			var rows [][]any
			for _, n := range d.Board.Current().Nodes {
				h := d.Cluster.Health(n.ID)
				rows = append(rows, append(nodeColumns(n), n.Since, h.Total, h.Success, h.Fail, 0, h.Retries, mean(float64(h.Retries), h.Total),
					h.MostRetries, h.Longest.Milliseconds(), h.Shortest.Milliseconds(), mean(milliseconds(h.Sum), h.Total),
					h.Last, h.LastSuccess, time.Time{}, h.LastFail))
			}
			return rows, nil
		}}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func mean(sum float64, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
