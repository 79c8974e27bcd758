package walreceiver

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Transport opens links to servers that speak the replication protocol.
type Transport interface {
	// Dial connects and logs in for physical replication.
	Dial(ctx context.Context, conninfo string) (Link, error)
}

// Link carries messages of the protocol, one goroutine at a time.
type Link interface {
	Send(messages ...pgproto3.FrontendMessage) error
	// Receive returns the next message, valid until the next call. At the
	// deadline, and when ctx ends, it returns an error whose Timeout method
	// says so; the link stays usable. The zero deadline is none.
	Receive(ctx context.Context, deadline time.Time) (pgproto3.BackendMessage, error)
	Close() error
}

// Network is the Transport to real servers: TCP or a Unix-domain socket, with
// whatever encryption and authentication the conninfo says.
type Network struct{}

// writeTimeout bounds a message to a server that does not read.
const writeTimeout = 30 * time.Second

// Dial takes libpq's connection string.
func (Network) Dial(ctx context.Context, conninfo string) (Link, error) {
	config, err := pgconn.ParseConfig(conninfo)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["replication"] = "true"
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	h, err := conn.Hijack() // pgconn knows nothing of CopyBoth
	if err != nil {
		return nil, err
	}
	return &networkLink{h.Conn, h.Frontend}, nil
}

type networkLink struct {
	conn     net.Conn
	frontend *pgproto3.Frontend
}

func (l *networkLink) Send(messages ...pgproto3.FrontendMessage) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	for _, m := range messages {
		l.frontend.Send(m)
	}
	return l.frontend.Flush()
}

func (l *networkLink) Receive(ctx context.Context, deadline time.Time) (pgproto3.BackendMessage, error) {
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	disarm := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer disarm()
	return l.frontend.Receive()
}

func (l *networkLink) Close() error { return l.conn.Close() }
