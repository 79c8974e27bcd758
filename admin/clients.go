package admin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/livesql"
	"github.com/pgherd/pgherd/internal/report"
)

// connectionColumns are PgBouncer 1.25's of SHOW CLIENTS and SHOW SERVERS.
func connectionColumns() []livesql.Column {
	return columns("type:s user:s database:s replication:s state:s addr:s port:i local_addr:s local_port:i connect_time:t " +
		"request_time:t wait:i wait_us:i close_needed:i ptr:s link:s remote_pid:i tls:s application_name:s prepared_statements:i id:q")
}

func clients(d Deps) view {
	return view{name: "clients", help: "clients", audience: privilegeLook, style: pgbouncerStyle, columns: connectionColumns(),
		rows: func(ctx context.Context) ([][]any, error) {
			all, err := d.Traffic.Clients(ctx)
			var rows [][]any
			for _, c := range all {
				rows = append(rows, clientRow(c, c.State.String()))
			}
			return rows, err
		}}
}

func clientRow(c report.Client, state string) []any {
	addr, local := c.Host, c.LocalHost
	if addr == "" {
		addr, local = "unix", "unix"
	}
	seconds := c.Waited.Truncate(time.Second)
	return []any{"C", c.User, c.Database, "none", state, addr, c.Port, local, c.LocalPort, c.Connected, c.Request,
		int(seconds.Seconds()), (c.Waited - seconds).Microseconds(), 0, pointer("c", c.ID), pointer("s", c.Server), 0, c.TLS,
		c.ApplicationName, c.Prepared, c.ID}
}

// pointer is what joins a client and its server: ptr of the one is link of the
// other.
func pointer(letter string, id uint64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d", letter, id)
}

func servers(d Deps) view {
	return view{name: "servers", help: "connections to the nodes", audience: privilegeLook, style: pgbouncerStyle,
		columns: connectionColumns(),
		rows: func(ctx context.Context) ([][]any, error) {
			all, err := d.Traffic.Servers(ctx)
			var rows [][]any
			for _, s := range all {
				rows = append(rows, serverRow(d, s, s.State.String()))
			}
			return rows, err
		}}
}

func serverRow(d Deps, s report.Server, state string) []any {
	node := d.Board.Current().Nodes[s.Node]
	return []any{"S", s.User, s.Database, "none", state, node.Host, node.Port, s.LocalHost, s.LocalPort, s.Connected, s.Request, 0, 0, bit(s.CloseNeeded),
		pointer("s", s.ID), pointer("c", s.Client), s.PID, s.TLS, s.ApplicationName, s.Prepared, s.ID}
}

// sockets is both, with PgBouncer's prefixes; the buffers of idle connections are
// lent out, so their positions are 0.
func sockets(d Deps) view {
	return view{name: "sockets", help: "clients and servers", audience: privilegeLook, style: pgbouncerStyle,
		columns: slices.Concat(connectionColumns(),
			columns("recv_pos:i pkt_pos:i pkt_remain:i send_pos:i send_remain:i pkt_avail:i send_avail:i")),
		rows: func(ctx context.Context) ([][]any, error) {
			c, err := connectionsOf(ctx, d.Traffic)
			var rows [][]any
			for _, x := range c.clients {
				rows = append(rows, append(clientRow(x, "cl_"+x.State.String()), 0, 0, 0, 0, 0, 0, 0))
			}
			for _, x := range c.list {
				rows = append(rows, append(serverRow(d, x, "sv_"+x.State.String()), 0, 0, 0, 0, 0, 0, 0))
			}
			return rows, err
		}}
}
