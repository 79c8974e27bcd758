package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/report"
)

// usersView has the 8 columns of PgBouncer 1.25: users of the configuration, and
// those who are there. What the configuration does not say of a user is NULL.
func usersView(d Deps) view {
	return view{
		name: "users", help: "users, configured or connected", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("name:s pool_size:i reserve_pool_size:i pool_mode:s max_user_connections:i current_connections:i " +
			"max_user_client_connections:i current_client_connections:i"),
		rows: func(ctx context.Context) ([][]any, error) {
			all, err := d.Traffic.Clients(ctx)
			if err != nil {
				return nil, err
			}
			clients, servers := countBy(all, func(c report.Client) string { return c.User }), map[string]int{}
			for _, p := range d.Traffic.Pools() {
				servers[p.User] += p.Active + p.Idle + p.Held
			}
			cfg := d.Config()
			names := map[string]bool{}
			for name := range cfg.Users {
				names[name] = true
			}
			var rows [][]any
			for _, name := range namesOf(names, []map[string]int{clients, servers}) {
				scope := cfg.Scope("", name)
				own, p := scope.User, scope.Effective()
				row := []any{name, nil, nil, nil, p.MaxUserConnections, servers[name], p.MaxUserClientConnections, clients[name]}
				if own.Size != nil {
					row[1] = *own.Size
				}
				if own.ReserveSize != nil {
					row[2] = *own.ReserveSize
				}
				if own.PoolMode != nil {
					row[3] = own.PoolMode.String()
				}
				rows = append(rows, row)
			}
			return rows, nil
		},
	}
}
