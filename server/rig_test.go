package server

import (
	"context"
	"errors"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/users"
	"github.com/pgherd/pgherd/internal/wire"
)

// rig is a server in front of a real cluster. Instead of a failover engine it
// has a board that the test publishes on, and a goroutine that polls positions.
type rig struct {
	*testing.T
	cluster *pgtest.TestCluster
	board   *cluster.Board
	pools   *pool.Pools
	server  *Server
	addr    string
	socket  string // a Unix-domain socket, port 9999
}

type noConsole struct{}

func (noConsole) Serve(context.Context, ConsoleClient) error { return nil }

// Describe knows the words of TestConsoleQuestions.
func (noConsole) Describe(user, sql string) ([]byte, error) {
	if strings.Contains(sql, "nothing") {
		return nil, wire.Errorf("42601", "there is no such view")
	}
	return appendPlanColumn(nil), nil
}

func (noConsole) Answer(_ context.Context, user, sql string) ([]byte, error) {
	if strings.Contains(sql, "broken") {
		return nil, errors.New("it is broken")
	}
	return wire.AppendCommandComplete(appendPlanRow(nil, user), "SELECT 1"), nil
}

// suspects records what the pools have noticed.
type suspects struct{ nodes chan cluster.NodeID }

func (s suspects) Suspect(node cluster.NodeID, _ error) {
	select {
	case s.nodes <- node:
	default:
	}
}

func newRig(t *testing.T, standbys int, change func(*Config, *pool.Config, *int), options ...pgtest.Option) *rig {
	t.Helper()
	pgtest.Leaks(t)
	return newRigOn(t, pgtest.Cluster(t, standbys, options...), change)
}

// newRigOn is a rig in front of a cluster that is there.
func newRigOn(t *testing.T, on *pgtest.TestCluster, change func(*Config, *pool.Config, *int)) *rig {
	t.Helper()
	r := &rig{T: t, cluster: on}
	loops := 1
	pc := pool.Config{Nodes: r.cluster.Nodes(), Size: 5, ConnectTimeout: 20 * time.Second, IdleTimeout: time.Minute}
	sc := Config{MaxClients: 200, QueryWaitTimeout: time.Minute, MaxPrepared: 50, Reset: Reset{Query: "DISCARD ALL"}, DeferBegin: true,
		CatchupWait:      2 * time.Second, // a busy machine's standbys lag
		ConsoleDatabases: []string{"pgpool"}, SocketMode: 0o777}
	if change != nil {
		change(&sc, &pc, &loops)
	}
	pc.Loops = loops
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: testWriter{t}})
	group, err := reactor.NewGroup(loops, reactor.Auto, Panicked(log, debug.Stack))
	if err != nil {
		t.Fatal(err)
	}
	directory := users.New(map[string]config.Secret{"bench": config.NewSecret("bench"), "plain": config.NewSecret("bench")})
	r.board = cluster.NewBoard(r.cluster.Nodes(), time.Now())
	r.pools = pool.New(pc, directory, suspects{make(chan cluster.NodeID, 100)}, log)
	r.server = New(sc, group, directory, r.board, r.pools, noConsole{}, log)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", socketDir(t) + ":9999"} {
		if err := r.server.Listen(address); err != nil {
			t.Fatal(err)
		}
	}
	r.addr, r.socket = r.server.Addresses()[0], r.server.Addresses()[2]
	r.publish(0)
	r.serve(len(on.Nodes()) > 1)
	r.awaitPositions()
	return r
}

// awaitPositions waits for the first poll of each standby: before that, the primary
// serves everything.
func (r *rig) awaitPositions() {
	r.Helper()
	pgtest.Await(r, 20*time.Second, "the positions of the standbys", func() bool {
		epoch := r.board.Current().Epoch
		return !slices.ContainsFunc(r.cluster.Nodes()[1:], func(n cluster.Node) bool {
			return r.board.Position(n.ID).Load().Epoch != epoch
		})
	})
}

func (r *rig) serve(poll bool) {
	done := make(chan error, 1)
	go func() { done <- r.server.Run() }()
	ctx, stop := context.WithCancel(context.Background())
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		if poll {
			r.poll(ctx)
		}
	}()
	r.Cleanup(func() {
		limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		r.server.Shutdown(limit)
		if err := <-done; err != nil {
			r.Error(err)
		}
		r.pools.Close()
		stop()
		<-polled
	})
}

// publish makes one node the primary; NoNode leaves none.
func (r *rig) publish(primary cluster.NodeID) {
	s := r.board.Current().Clone()
	s.Epoch++
	s.Primary = primary
	for i := range s.Nodes {
		s.Nodes[i].Status, s.Nodes[i].Role = cluster.Up, cluster.Standby
		if s.Nodes[i].ID == primary {
			s.Nodes[i].Role = cluster.Primary
		}
	}
	r.board.Publish(s)
}

// poll records the nodes' positions, as the failover engine's monitors do.
func (r *rig) poll(ctx context.Context) {
	nodes := r.cluster.Nodes()
	conns := make([]*pgx.Conn, len(nodes))
	for i, n := range nodes {
		c, err := r.cluster.Connect(ctx, n.ID, "postgres")
		if err != nil {
			r.Error(err)
			return
		}
		defer c.Close(context.Background())
		conns[i] = c
	}
	for ctx.Err() == nil {
		for i, c := range conns {
			began, epoch := time.Now(), r.board.Current().Epoch
			var text string
			if c.QueryRow(ctx, "select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text").Scan(&text) != nil {
				continue
			}
			lsn, err := cluster.ParseLSN(text)
			if err != nil {
				r.Error(err)
			}
			r.board.Record(cluster.NodeID(i), cluster.Sample{Began: began, Epoch: epoch, LSN: lsn})
			r.board.SetCover(cluster.NodeID(i), cluster.Cover{Epoch: epoch, Until: began}) // no replication here is synchronous
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

// dsn is a connection string for the server; options are appended.
func (r *rig) dsn(options ...string) string {
	host, port, _ := net.SplitHostPort(r.addr)
	return "host=" + host + " port=" + port + " user=bench password=bench dbname=bench sslmode=disable " + strings.Join(options, " ")
}

// connect opens a client connection for the length of the test.
func (r *rig) connect(options ...string) *pgx.Conn {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, r.dsn(options...))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	return c
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// mustExec runs sql, and ends the test if that fails.
func mustExec(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// query is the single value that sql returns; the test ends if there is none.
func query[T any](t *testing.T, c *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := c.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// code is the SQLSTATE of an error; "" if it has none.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// mustExecHere is mustExec on a goroutine that must not end the test.
func mustExecHere(t *testing.T, c *pgx.Conn, sql string) {
	if _, err := c.Exec(context.Background(), sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

// await waits until cond holds, and ends the test after 20 s.
func await(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); {
		if time.Now().After(deadline) {
			t.Fatal("condition did not come true")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
