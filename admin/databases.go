package admin

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/report"
)

// databases has the 17 columns of PgBouncer 1.25: those of the configuration and
// those in use. host and port are the primary's.
func databases(d Deps) view {
	return view{
		name: "databases", help: "databases, configured or in use", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("name:s host:s port:i database:s force_user:s pool_size:i min_pool_size:i reserve_pool_size:i " +
			"server_lifetime:i pool_mode:s load_balance_hosts:s max_connections:i current_connections:i max_client_connections:i " +
			"current_client_connections:i paused:i disabled:i"),
		older: map[string]string{"reserve_pool": "reserve_pool_size"},
		rows: func(ctx context.Context) ([][]any, error) {
			all, err := d.Traffic.Clients(ctx)
			if err != nil {
				return nil, err
			}
			clients, servers := countBy(all, func(c report.Client) string { return c.Database }), map[string]int{}
			for _, p := range d.Traffic.Pools() {
				servers[p.Database] += p.Active + p.Idle + p.Held
			}
			cfg, primary := d.Config(), primaryOf(d.Board)
			var rows [][]any
			for _, name := range databaseNames(cfg, clients, servers) {
				rows = append(rows, append(databaseRow(cfg, primary, name, servers[name], clients[name]), gateRow(d.Gates, name)...))
			}
			return rows, nil
		},
	}
}

func databaseRow(cfg *config.Config, primary cluster.NodeState, name string, servers, clients int) []any {
	scope := cfg.Scope(name, "")
	p, db := scope.Effective(), scope.Database
	onNode := name
	if db.DBName != "" {
		onNode = db.DBName
	}
	return []any{name, primary.Host, primary.Port, onNode, nullText(db.User), p.Size, p.MinSize, p.ReserveSize,
		int(p.ServerLifetime.Seconds()), p.Mode.String(), nil, p.MaxDBConnections, servers, p.MaxDBClientConnections, clients}
}

// gateRow is the columns paused and disabled.
func gateRow(g Gates, database string) []any {
	gate := g.Gate(database)
	return []any{bit(gate.Paused), bit(gate.Disabled)}
}

// primaryOf is the primary's state; zero while there is none.
func primaryOf(b *cluster.Board) cluster.NodeState {
	now := b.Current()
	if now.Primary == cluster.NoNode {
		return cluster.NodeState{}
	}
	return now.Nodes[now.Primary]
}

// databaseNames is every database that is configured or counted.
func databaseNames(cfg *config.Config, counts ...map[string]int) []string {
	names := map[string]bool{}
	for name := range cfg.Databases {
		names[name] = true
	}
	return namesOf(names, counts)
}

func namesOf(names map[string]bool, counts []map[string]int) []string {
	for _, count := range counts {
		for name := range count {
			names[name] = true
		}
	}
	delete(names, "*")
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

func countBy[T any](list []T, name func(T) string) map[string]int {
	counts := map[string]int{}
	for _, x := range list {
		counts[name(x)]++
	}
	return counts
}

// nullText is NULL for "".
func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// port is empty where there is none.
func port(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
