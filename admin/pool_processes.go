package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/report"
)

// poolProcesses has the 8 columns of Pgpool-II 4.7, a row for each client: what is
// a process there is a session here. pool_pid is the session's id.
func poolProcesses(d Deps) view {
	return view{
		name: "pool_processes", help: "clients, as Pgpool-II shows its processes", audience: privilegeNone, style: pgpoolStyle,
		columns: columns("pool_pid:q start_time:t client_connection_count:q database:s username:s backend_connection_time:t " +
			"pool_counter:q status:s"),
		rows: func(ctx context.Context) ([][]any, error) {
			c, err := connectionsOf(ctx, d.Traffic)
			var rows [][]any
			for _, client := range c.clients {
				server := c.servers[client.Server]
				rows = append(rows, []any{client.ID, client.Connected, 1, client.Database, client.User, server.Connected,
					server.Leases, processStatus(client)})
			}
			return rows, err
		},
	}
}

// poolPools has the 21 columns of Pgpool-II 4.7, a row for each connection to a
// node. The text of statements is not shown.
func poolPools(d Deps) view {
	return view{
		name: "pool_pools", help: "connections to the nodes, as Pgpool-II shows its pools", audience: privilegeNone, style: pgpoolStyle,
		columns: columns("pool_pid:q start_time:t client_connection_count:q pool_id:i backend_id:i database:s username:s " +
			"backend_connection_time:t client_connection_time:t client_disconnection_time:t client_idle_duration:q majorversion:i " +
			"minorversion:i pool_counter:q pool_backendpid:q pool_connected:i status:s load_balance_node:i client_host:s " +
			"client_port:s statement:s"),
		rows: func(ctx context.Context) ([][]any, error) {
			c, err := connectionsOf(ctx, d.Traffic)
			var rows [][]any
			for _, s := range c.list {
				client := c.byID[s.Client]
				rows = append(rows, []any{client.ID, client.Connected, 1, 0, s.Node, s.Database, s.User, s.Connected, client.Connected,
					nil, 0, 3, 0, s.Leases, s.PID, bit(s.Client != 0), processStatus(client), 0, client.Host, port(client.Port), ""})
			}
			return rows, err
		},
	}
}

// connections is clients and servers as they were at one time.
type connections struct {
	clients []report.Client
	list    []report.Server
	byID    map[uint64]report.Client
	servers map[uint64]report.Server
}

func connectionsOf(ctx context.Context, t Traffic) (connections, error) {
	c := connections{byID: map[uint64]report.Client{}, servers: map[uint64]report.Server{}}
	var err error
	if c.clients, err = t.Clients(ctx); err != nil {
		return c, err
	}
	if c.list, err = t.Servers(ctx); err != nil {
		return c, err
	}
	for _, client := range c.clients {
		c.byID[client.ID] = client
	}
	for _, s := range c.list {
		c.servers[s.ID] = s
	}
	return c, nil
}

func processStatus(c report.Client) string {
	switch {
	case c.ID == 0:
		return "Wait for connection"
	case c.State == report.ClientLogin:
		return "Connecting"
	case c.Transaction:
		return "Idle in transaction"
	case c.State == report.ClientIdle:
		return "Idle"
	}
	return "Execute command"
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
