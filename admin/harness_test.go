package admin

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// testJournal has one event.
func testJournal() *cluster.Journal {
	j := cluster.NewJournal(10)
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	j.Add(cluster.Event{At: at, Node: 1, Kind: cluster.EventStatus, Text: "up -> down: refused"})
	return j
}

func testConfig() *config.Config {
	return &config.Config{Console: config.Console{Database: "pgpool"}, Pool: config.Pool{Size: 20, MaxClients: 100},
		Databases: map[string]config.Database{"app": {User: "joe", Password: config.NewSecret("secret")}}}
}

func testBoard() *cluster.Board {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.Local)
	b := cluster.NewBoard([]cluster.Node{
		{ID: 0, Name: "n0", Host: "10.0.0.1", Port: 5432, Weight: 1},
		{ID: 1, Name: "n1", Host: "10.0.0.2", Port: 5433, Weight: 2},
		{ID: 2, Name: "n2", Host: "::1", Port: 5434, Weight: 0},
	}, at)
	s := b.Current().Clone()
	s.Primary, s.Epoch = 0, 1
	fill(&s.Nodes[0], cluster.Up, cluster.Primary, true)
	fill(&s.Nodes[1], cluster.Up, cluster.Standby, true)
	s.Nodes[1].ReplicationState, s.Nodes[1].SyncState = "streaming", "async"
	fill(&s.Nodes[2], cluster.Down, cluster.RoleUnknown, false)
	b.Publish(s)
	b.Record(0, cluster.Sample{LSN: 0x3000100})
	b.Record(1, cluster.Sample{LSN: 0x3000000})
	b.SetReceivers(cluster.Receivers{Primary: 0, End: 0x3000100, List: []cluster.Receiver{
		{Name: "archive", State: "streaming", SyncState: "sync", Written: 0x3000080, Flushed: 0x3000080},
		{Name: "pg_basebackup", State: "backup", SyncState: "async"}}})
	return b
}

func fill(n *cluster.NodeState, status cluster.Status, role cluster.Role, up bool) {
	n.Status, n.Role, n.PGRole, n.PGUp, n.Probed = status, role, role, up, true
}

func testConsole(e *engines) *Console {
	return New(Deps{
		Board: testBoard(), Cluster: e, Recovery: e, Counters: e, Process: e, Traffic: e, Gates: e, Journal: testJournal(), Config: testConfig, StatsUsers: []string{"stats"},
		Admins: []string{"admin"}, Version: "4.7.2 (pgherd 1)", Log: hclog.NewNullLogger(),
	})
}

// running is one served session as a test sees it.
type running struct {
	addr    string
	cancels chan struct{}
	stop    context.CancelFunc
	served  chan error // what Serve returned
}

// serve accepts one connection and serves it as the user of its start-up packet.
func serve(t *testing.T, c *Console) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{l.Addr().String(), make(chan struct{}, 1), stop, make(chan error, 1)}
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = r.serve(ctx, c, conn)
			conn.Close()
		}
		r.served <- err
		close(r.served)
	}()
	t.Cleanup(func() {
		stop()
		l.Close()
		for range r.served {
		}
	})
	return r
}

func (r *running) serve(ctx context.Context, c *Console, conn net.Conn) error {
	b := pgproto3.NewBackend(pgproto3.NewChunkReader(conn), conn)
	start, err := b.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	params := map[string]string{"server_version": "15.0", "client_encoding": "UTF8", "standard_conforming_strings": "on"}
	out := outbox{w: conn}
	out.add(&pgproto3.AuthenticationOk{})
	for name, value := range params {
		out.add(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	out.add(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: 2})
	out.add(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if err := out.flush(); err != nil {
		return err
	}
	user := start.(*pgproto3.StartupMessage).Parameters["user"]
	return c.Serve(ctx, Session{Conn: conn, User: user, Database: "pgpool", Params: params, Cancels: r.cancels})
}

// connect opens the session; onNotice may be nil.
func (r *running) connect(t *testing.T, user string, onNotice func(*pgconn.Notice)) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig("postgres://" + user + "@" + r.addr + "/pgpool?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if onNotice != nil {
			onNotice(n)
		}
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// raw speaks single messages.
type raw struct {
	t        *testing.T
	conn     net.Conn
	frontend *pgproto3.Frontend
}

func (r *running) raw(t *testing.T, user string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &raw{t, conn, pgproto3.NewFrontend(pgproto3.NewChunkReader(conn), conn)}
	c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": user}})
	c.until("ReadyForQuery I")
	return c
}

func (c *raw) send(messages ...pgproto3.FrontendMessage) {
	c.t.Helper()
	var buf []byte
	for _, m := range messages {
		encoded, err := m.Encode(buf)
		if err != nil {
			c.t.Fatal(err)
		}
		buf = encoded
	}
	if _, err := c.conn.Write(buf); err != nil {
		c.t.Fatal(err)
	}
}

// until receives messages, in short form, up to and with the given one.
func (c *raw) until(last string) []string {
	c.t.Helper()
	var got []string
	for {
		m, err := c.frontend.Receive()
		if err != nil {
			c.t.Fatalf("waiting for %q after %q: %v", last, got, err)
		}
		got = append(got, short(m))
		if got[len(got)-1] == last {
			return got
		}
	}
}

func short(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.ReadyForQuery:
		return "ReadyForQuery " + string(m.TxStatus)
	case *pgproto3.CommandComplete:
		return string(m.CommandTag)
	case *pgproto3.DataRow:
		return "row " + string(m.Values[0])
	case *pgproto3.RowDescription:
		return "RowDescription"
	case *pgproto3.ErrorResponse:
		return m.Severity + " " + m.Code
	case *pgproto3.ParseComplete:
		return "ParseComplete"
	case *pgproto3.BindComplete:
		return "BindComplete"
	case *pgproto3.CloseComplete:
		return "CloseComplete"
	case *pgproto3.PortalSuspended:
		return "PortalSuspended"
	case *pgproto3.EmptyQueryResponse:
		return "EmptyQueryResponse"
	case *pgproto3.NoData:
		return "NoData"
	case *pgproto3.ParameterDescription:
		return "ParameterDescription"
	}
	return "other"
}
