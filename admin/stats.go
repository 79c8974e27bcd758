package admin

import (
	"context"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/livesql"
	"github.com/pgherd/pgherd/internal/report"
)

// The statistics of PgBouncer 1.25: times are in microseconds; avg_ is the last
// whole minute: per second, but for the times, which are per request.

// numerics are columns of type numeric with a prefix.
func numerics(prefix, names string) []livesql.Column {
	var list []livesql.Column
	for _, name := range strings.Fields(names) {
		list = append(list, livesql.Column{Name: prefix + name, Type: livesql.Numeric})
	}
	return list
}

func statsView(d Deps, name, help string, list []livesql.Column, values func(report.Traffic) []any) view {
	return view{name: name, help: help, audience: privilegeLook, style: pgbouncerStyle,
		columns: append(columns("database:s"), list...),
		rows: func(ctx context.Context) ([][]any, error) {
			all, err := d.Traffic.Traffic(ctx)
			var rows [][]any
			for _, t := range all {
				rows = append(rows, append([]any{t.Database}, values(t)...))
			}
			return rows, err
		}}
}

func stats(d Deps) view {
	list := append(numerics("total_", "server_assignment_count xact_count query_count received sent xact_time query_time wait_time "+
		"client_parse_count server_parse_count bind_count"),
		numerics("avg_", "server_assignment_count xact_count query_count recv sent xact_time query_time wait_time "+
			"client_parse_count server_parse_count bind_count")...)
	v := statsView(d, "stats", "totals and averages of each database", list,
		func(t report.Traffic) []any { return append(totalValues(t.Total), averageValues(t)...) })
	v.older = map[string]string{"total_requests": "total_query_count"}
	return v
}

func statsTotals(d Deps) view {
	return statsView(d, "stats_totals", "totals of each database", numerics("", "server_assignment_count xact_count query_count "+
		"bytes_received bytes_sent xact_time query_time wait_time client_parse_count server_parse_count bind_count"),
		func(t report.Traffic) []any { return totalValues(t.Total) })
}

func statsAverages(d Deps) view {
	return statsView(d, "stats_averages", "averages of each database in the last minute", append(numerics("",
		"server_assignment_count xact_count query_count bytes_received bytes_sent xact_time query_time wait_time"),
		numerics("avg_", "client_parse_count server_parse_count bind_count")...), averageValues)
}

func totalValues(c report.Counts) []any {
	return []any{c.Assignments, c.Transactions, c.Queries, c.Received, c.Sent, micros(c.InTransaction), micros(c.InQuery),
		micros(c.Waiting), c.ClientParses, c.ServerParses, c.Binds}
}

func micros(d time.Duration) int64 { return d.Microseconds() }

func averageValues(t report.Traffic) []any {
	c, seconds := t.Period, uint64(t.Length/time.Second)
	return []any{per(c.Assignments, seconds), per(c.Transactions, seconds), per(c.Queries, seconds), per(c.Received, seconds),
		per(c.Sent, seconds), per(uint64(micros(c.InTransaction)), c.Transactions), per(uint64(micros(c.InQuery)), c.Queries),
		per(uint64(micros(c.Waiting)), c.Assignments), per(c.ClientParses, seconds), per(c.ServerParses, seconds), per(c.Binds, seconds)}
}

func per(n, of uint64) uint64 {
	if of == 0 {
		return 0
	}
	return n / of
}

// totals is the sum over all databases, a row for each figure.
func totals(d Deps) view {
	names := strings.Fields("server_assignment_count xact_count query_count client_bytes server_bytes xact_time query_time wait_time " +
		"ps_client_parse_count ps_server_parse_count ps_bind_count")
	return view{name: "totals", help: "totals and averages of all databases", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("name:s value:n"),
		rows: func(ctx context.Context) ([][]any, error) {
			all, err := d.Traffic.Traffic(ctx)
			var sum report.Traffic
			for _, t := range all {
				sum.Total.Add(t.Total)
				sum.Period.Add(t.Period)
				sum.Length = max(sum.Length, t.Length)
			}
			var rows [][]any
			for i, v := range totalValues(sum.Total) {
				rows = append(rows, []any{"total_" + names[i], v})
			}
			for i, v := range averageValues(sum) {
				rows = append(rows, []any{"avg_" + names[i], v})
			}
			return rows, err
		}}
}
