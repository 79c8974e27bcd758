package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/report"
)

// lists has PgBouncer 1.25's rows. What there is not here (peers, free lists, a
// DNS cache) has 0 items.
func lists(d Deps) view {
	return view{name: "lists", help: "how many databases, users, pools, clients and servers there are", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("list:s items:i"),
		rows: func(ctx context.Context) ([][]any, error) {
			clients, err := d.Traffic.Clients(ctx)
			if err != nil {
				return nil, err
			}
			sums, err := poolSums(ctx, d.Traffic)
			cfg := d.Config()
			databases, users := map[string]int{}, map[string]int{}
			free, used := 0, 0
			for _, s := range sums {
				databases[s.Database]++
				users[s.User]++
				free += s.Idle
				used += s.Active + s.Held
			}
			names := map[string]bool{}
			for name := range cfg.Users {
				names[name] = true
			}
			login := countBy(clients, func(c report.Client) string { return c.State.String() })["login"]
			return [][]any{{"databases", len(databaseNames(cfg, databases))}, {"users", len(namesOf(names, []map[string]int{users}))},
				{"peers", 0}, {"pools", len(sums)}, {"peer_pools", 0}, {"free_clients", 0}, {"used_clients", len(clients) - login},
				{"login_clients", login}, {"free_servers", free}, {"used_servers", used}, {"dns_names", 0}, {"dns_zones", 0},
				{"dns_queries", 0}, {"dns_pending", 0}}, err
		}}
}
