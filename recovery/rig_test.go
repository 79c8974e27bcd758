package recovery

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// members is a Membership that publishes what it is told, and remembers it.
type members struct {
	board *cluster.Board

	mu     sync.Mutex
	refuse error
	begun  int
	ended  []error
}

func (m *members) BeginRecovery(_ context.Context, node cluster.NodeID) error {
	m.mu.Lock()
	refuse := m.refuse
	if refuse == nil {
		m.begun++
	}
	m.mu.Unlock()
	if refuse == nil {
		m.set(node, cluster.Recovering)
	}
	return refuse
}

func (m *members) EndRecovery(_ context.Context, node cluster.NodeID, err error) error {
	m.mu.Lock()
	m.ended = append(m.ended, err)
	m.mu.Unlock()
	if err == nil {
		m.set(node, cluster.Up)
	} else {
		m.set(node, cluster.Down)
	}
	return nil
}

func (m *members) set(node cluster.NodeID, s cluster.Status) {
	next := m.board.Current().Clone()
	next.Nodes[node].Status = s
	m.board.Publish(next)
}

// rig is an engine in front of a real cluster.
type rig struct {
	t       *testing.T
	db      *pgtest.TestCluster
	board   *cluster.Board
	members *members
	engine  *Engine
}

func newRig(t *testing.T, change func(*Config), opts ...pgtest.Option) *rig {
	t.Helper()
	return newRigOf(t, 1, change, opts...)
}

func newRigOf(t *testing.T, standbys int, change func(*Config), opts ...pgtest.Option) *rig {
	t.Helper()
	pgtest.Leaks(t)
	r := &rig{t: t, db: pgtest.Cluster(t, standbys, opts...)}
	r.board = cluster.NewBoard(r.db.Nodes(), time.Now())
	r.members = &members{board: r.board}
	cfg := Config{Monitor: r.db.Credentials(), Timeout: 30 * time.Second}
	change(&cfg)
	open := func(id cluster.NodeID) (Instance, error) { return r.db.Instance(id), nil }
	r.engine = New(cfg, r.board, open, r.members, hclog.NewNullLogger())
	t.Cleanup(r.engine.Close)
	r.primary(0)
	return r
}

// primary publishes who the primary is; the other node is down.
func (r *rig) primary(id cluster.NodeID) {
	next := r.board.Current().Clone()
	next.Primary = id
	for n := range next.Nodes {
		next.Nodes[n].Status, next.Nodes[n].Role = cluster.Down, cluster.Standby
		if cluster.NodeID(n) == id {
			next.Nodes[n].Status, next.Nodes[n].Role = cluster.Up, cluster.Primary
		}
	}
	r.board.Publish(next)
}

// text is one value from a node.
func (r *rig) text(id cluster.NodeID, query string) string {
	r.t.Helper()
	conn, err := r.db.Connect(r.t.Context(), id, "bench")
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close(r.t.Context())
	var got string
	if err := conn.QueryRow(r.t.Context(), query).Scan(&got); err != nil {
		r.t.Fatalf("node %d: %s: %v", id, query, err)
	}
	return got
}

func (r *rig) want(id cluster.NodeID, query, want string) {
	r.t.Helper()
	if got := r.text(id, query); got != want {
		r.t.Errorf("node %d: %s is %q, want %q", id, query, got, want)
	}
}

// beside lists what lies beside the data directories, without logs.
func (r *rig) beside() []string {
	r.t.Helper()
	return slices.DeleteFunc(entries(r.t, r.db.Dir()), func(name string) bool { return strings.HasSuffix(name, ".log") })
}

func (r *rig) wantBeside(want ...string) {
	r.t.Helper()
	if got := r.beside(); !slices.Equal(got, want) {
		r.t.Errorf("directories %v, want %v", got, want)
	}
}

// recovered asserts that node follows primary and has its data.
func (r *rig) recovered(node, primary cluster.NodeID) {
	r.t.Helper()
	r.want(node, "SELECT pg_is_in_recovery()::text", "true")
	r.want(node, "SHOW port", r.text(node, "SELECT inet_server_port()::text"))
	r.db.Exec(primary, "CREATE TABLE after_recovery AS SELECT 42 AS n")
	r.db.AwaitCaughtUp(primary, node)
	r.want(node, "SELECT n::text FROM after_recovery", "42")
	r.want(primary, "SELECT active::text FROM pg_replication_slots WHERE slot_name = '"+r.db.Node(node).SlotName()+"'", "true")
	if s := r.board.Current().Nodes[node].Status; s != cluster.Up {
		r.t.Errorf("node %d is %v, want up", node, s)
	}
}
