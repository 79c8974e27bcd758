package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/report"
)

// refused is an error as an engine may return it.
type refused struct{ message, code, hint string }

func (e refused) Error() string    { return e.message }
func (e refused) SQLState() string { return e.code }
func (e refused) Hint() string     { return e.hint }

// engines is both engines and the counters. Its functions may be replaced
// before a session starts.
type engines struct {
	promote func(ctx context.Context, node cluster.NodeID, mode PromoteMode, progress func(string)) error
	recover func(ctx context.Context, node cluster.NodeID, progress func(string)) error
	reload  error
	settle  func(ctx context.Context) error

	suspended atomic.Bool

	mu    sync.Mutex
	calls []string
}

func (e *engines) note(call string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, call)
}

func (e *engines) noted() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{}, e.calls...)
}

func (e *engines) Promote(ctx context.Context, node cluster.NodeID, mode PromoteMode, progress func(string)) error {
	e.note("promote " + mode.String())
	if e.promote != nil {
		return e.promote(ctx, node, mode, progress)
	}
	if node == 0 {
		return refused{"node 0 is the primary already", "55000", "choose a standby"}
	}
	progress("stop node 0")
	progress(mode.String() + " to node 1")
	return nil
}

func (e *engines) Attach(context.Context, cluster.NodeID) error { e.note("attach"); return nil }

func (e *engines) Detach(_ context.Context, node cluster.NodeID) error {
	e.note("detach")
	if node == 2 {
		return errors.New("state file: no space left on device")
	}
	return nil
}

func (e *engines) DetachGracefully(_ context.Context, _ cluster.NodeID, progress func(string)) error {
	progress("waiting")
	return nil
}

func (e *engines) Recover(ctx context.Context, node cluster.NodeID, how RecoverOptions, progress func(string)) error {
	e.note("recover")
	if how.Mode != RecoverAny {
		progress("by " + how.Mode.String())
	}
	if how != (RecoverOptions{Mode: how.Mode, Source: cluster.NoNode}) {
		progress(fmt.Sprintf("%+v", how))
	}
	if e.recover != nil {
		return e.recover(ctx, node, progress)
	}
	progress("base backup 100 %")
	return nil
}

func (e *engines) Explain(_ context.Context, node cluster.NodeID, mode PromoteMode) (Plan, error) {
	if node == 2 && mode == Switchover {
		return Plan{Steps: []string{"raise the epoch"}, Obstacles: []Obstacle{{"node 2 is detached", "ATTACH NODE 2", false}, {"it does not stream", "", true}}}, nil
	}
	return Plan{Steps: []string{"stop node 0", "promote node 1"}}, nil
}

func (e *engines) Changes(context.Context) ([]Change, error) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return []Change{{Epoch: 1, Kind: "failover", From: 2, To: 0, Since: at.Add(-time.Hour), End: 0x3000000, Complete: true},
		{Epoch: 2, Kind: "promote", From: 0, To: 1, Phase: "quiesce", Since: at}}, nil
}

func (e *engines) Check(context.Context, cluster.NodeID) error {
	return refused{"access of node 2 is none", "55000", "set access"}
}

func (e *engines) CheckConfig() error { return e.reload }

func (e *engines) Works(context.Context) ([]report.Work, error) {
	return []report.Work{{Selects: 1, Inserts: 2, Updates: 3, Deletes: 4, DDL: 5, Others: 6, Errors: 9}, {Selects: 7}, {}}, nil
}

func (e *engines) Health(node cluster.NodeID) report.Health {
	if node == 2 {
		return report.Health{}
	}
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return report.Health{Total: 4, Success: 4, Retries: 1, MostRetries: 1, Longest: 9 * time.Millisecond, Shortest: 2 * time.Millisecond,
		Sum: 13 * time.Millisecond, Last: at, LastSuccess: at}
}

func (e *engines) Routed() []report.Route {
	return []report.Route{{Node: 0, Reason: "writes", Count: 7}, {Node: 1, Reason: "balanced", Count: 11}}
}

// testJournal has one event.
func testJournal() *cluster.Journal {
	j := cluster.NewJournal(10)
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	j.Add(cluster.Event{At: at, Node: 1, Kind: cluster.EventStatus, Text: "up -> down: refused"})
	return j
}

func (e *engines) Selects(node cluster.NodeID) uint64 { return 100 * uint64(node) }

func (e *engines) PendingRestart() []string { return []string{"loops"} }

func (e *engines) Reload() ([]string, error) {
	e.note("reload")
	if e.reload != nil {
		return nil, e.reload
	}
	return []string{"pool.size: 20 -> 30"}, nil
}

func (e *engines) Clients(context.Context) ([]report.Client, error) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return []report.Client{
		{ID: 1, Database: "app", User: "joe", State: report.ClientActive, Host: "10.0.0.9", Port: 4711, Connected: at, Request: at.Add(time.Minute), Server: 5, ApplicationName: "shop",
			Node: 1, Pin: "listen", Consistency: "session", Token: "0/3000100", TokenPending: true},
		{ID: 2, Database: "app", User: "joe", State: report.ClientWaiting, Connected: at, Waited: 1500 * time.Millisecond, Node: -1, Consistency: "global"},
		{ID: 3, Database: "app", User: "ann", State: report.ClientIdle, Host: "::1", Port: 4712, Connected: at, Prepared: 2, Node: -1, Consistency: "session"},
	}, nil
}

func (e *engines) Servers(context.Context) ([]report.Server, error) {
	at := time.Date(2024, 5, 6, 7, 0, 0, 0, time.UTC)
	return []report.Server{
		{ID: 5, Node: 1, Database: "app", User: "joe", State: report.ServerActive, PID: 99, Connected: at, Client: 1, Leases: 7},
		{ID: 6, Node: 0, Database: "app", User: "joe", PID: 98, Connected: at},
	}, nil
}

func (e *engines) Pools() []report.Pool {
	return []report.Pool{{Node: 0, Database: "app", User: "joe", Idle: 1, Waiting: 1}, {Node: 1, Database: "app", User: "joe", Active: 1}}
}

func (e *engines) Traffic(context.Context) ([]report.Traffic, error) {
	c := report.Counts{Transactions: 600, Queries: 1200, Received: 60000, InQuery: 12 * time.Second}
	return []report.Traffic{{Database: "app", Total: c, Period: c, Length: time.Minute}}, nil
}

func testConfig() *config.Config {
	return &config.Config{Console: config.Console{Database: "pgpool"}, Pool: config.Pool{Size: 20, MaxClients: 100},
		Databases: map[string]config.Database{"app": {User: "joe", Password: config.NewSecret("secret")}}}
}

func (e *engines) RotateLog() (string, error) { return "", nil }

func (e *engines) Shutdown(mode ShutdownMode) { e.note(mode.String()) }

func (e *engines) Set(key, value string) ([]string, error) {
	if key == "pool.sise" {
		return nil, errors.New(`unknown key "pool.sise"`)
	}
	return []string{key + ": " + value}, nil
}

func (e *engines) Pause(database string) bool                { return !e.gate("pause", database).Paused }
func (e *engines) Resume(database string) bool               { return e.gate("resume", database).Paused }
func (e *engines) Disable(database string) bool              { return !e.gate("disable", database).Disabled }
func (e *engines) Enable(database string) bool               { return e.gate("enable", database).Disabled }
func (e *engines) Reconnect(database string)                 { e.gate("reconnect", database) }
func (e *engines) Renewed(context.Context, string) error     { return nil }
func (e *engines) Kill(context.Context, string) (int, error) { e.note("kill"); return 3, nil }

func (e *engines) Settle(ctx context.Context, _ string) error {
	if e.settle != nil {
		return e.settle(ctx)
	}
	return nil
}

// Suspend disconnects two clients.
func (e *engines) Suspend(_ context.Context, database string) (int, error) {
	e.note("suspend " + database)
	e.suspended.Store(true)
	return 2, nil
}

func (e *engines) KillClient(_ context.Context, id uint64) (bool, error) { return id == 3, nil }

// gate notes a call and says how the database was before.
func (e *engines) gate(call, database string) report.Gate {
	e.note(call + " " + database)
	return e.Gate(database)
}

// Gate has one database that is paused and disabled.
func (e *engines) Gate(database string) report.Gate {
	return report.Gate{Paused: database == "held", Disabled: database == "held", Suspended: database == "held" || e.suspended.Load()}
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
