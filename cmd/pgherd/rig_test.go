package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// rig is the whole program in front of a real cluster that it did not make,
// configured by the file that the README shows.
type rig struct {
	*testing.T
	cluster *pgtest.TestCluster
	app     *app
	host    string
	port    string
	state   string // state_dir
	file    string // the configuration, where a test asks for it
	log     *logTail
}

// startRig serves in front of a primary and standbys. extra is added to the
// configuration.
func startRig(t *testing.T, standbys int, extra string, opts ...pgtest.Option) *rig {
	t.Helper()
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, standbys, opts...), log: &logTail{}}
	r.serve(r.writeConfig(extra))
	r.awaitPrimary(cluster.NoNode)
	return r
}

func (r *rig) writeConfig(extra string) string { return r.writeConfigIn(r.TempDir(), extra) }

func (r *rig) writeConfigIn(dir, extra string) string {
	var nodes strings.Builder
	for i, n := range r.cluster.Nodes() {
		weight := ""
		if i == 1 {
			weight = ", weight: 2"
		}
		fmt.Fprintf(&nodes, "  - {host: %s, port: %d, data_directory: %s, access: local%s}\n", n.Host, n.Port, n.DataDirectory, weight)
	}
	r.state = filepath.Join(dir, "state")
	text := `listen: ["127.0.0.1:0"]
nodes:
` + nodes.String() + `monitor: {user: bench, password: bench, database: postgres}
auth: {type: scram-sha-256, users_file: users.txt}
pool: {mode: transaction, size: 20, max_clients: 5000}
consistency: session
state_dir: ` + r.state + `
console: {database: pgpool, admin_users: [bench]}
` + extra
	r.write(filepath.Join(dir, "users.txt"), `"bench" "bench"`+"\n")
	path := filepath.Join(dir, "pgherd.yaml")
	r.write(path, text)
	return path
}

func (r *rig) write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) serve(path string) {
	cfg, err := config.Load(path)
	if err != nil {
		r.Fatal(err)
	}
	r.app, err = newApp(cfg, newLogger(config.Log{Level: config.LogInfo}, r.log))
	if err != nil {
		r.Fatal(err)
	}
	r.host, r.port, _ = net.SplitHostPort(r.app.server.Addresses()[0])
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.app.Run(ctx) }()
	r.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.Error(err)
		}
		if r.Failed() {
			r.Log(r.log.String())
		}
	})
}

// awaitPrimary waits until there is a primary other than not.
func (r *rig) awaitPrimary(not cluster.NodeID) cluster.NodeID {
	r.Helper()
	pgtest.Await(r, 20*time.Second, "a primary", func() bool {
		p := r.app.board.Current().Writable()
		return p != cluster.NoNode && p != not
	})
	return r.app.board.Current().Primary
}

// awaitStreaming waits until every node is up and the standbys stream.
func (r *rig) awaitStreaming() {
	r.Helper()
	pgtest.Await(r, 30*time.Second, "all nodes to be up and to stream", func() bool {
		for _, n := range r.app.board.Current().Nodes {
			if n.Status != cluster.Up || (n.Role == cluster.Standby && n.ReplicationState != "streaming") {
				return false
			}
		}
		return true
	})
}

func (r *rig) dsn(database, options string) string {
	return fmt.Sprintf("host=%s port=%s user=bench password=bench dbname=%s %s", r.host, r.port, database, options)
}

func (r *rig) connect(ctx context.Context, database, options string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, r.dsn(database, options))
}

// psql runs one command in psql, as a user would, and returns what it printed.
func (r *rig) psql(database, command string) (string, error) {
	cmd := exec.Command("psql", "-X", "-At", "-v", "VERBOSITY=verbose", r.dsn(database, ""), "-c", command)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r *rig) mustPSQL(database, command string) string {
	r.Helper()
	out, err := r.psql(database, command)
	if err != nil {
		r.Fatalf("psql %s -c %q: %v\n%s", database, command, err, out)
	}
	return out
}

// node is one line of SHOW POOL_NODES.
func (r *rig) node(id cluster.NodeID) []string {
	r.Helper()
	lines := strings.Split(strings.TrimSpace(r.mustPSQL("pgpool", "SHOW POOL_NODES")), "\n")
	return strings.Split(lines[id], "|")
}

// logTail keeps what was logged, for a test that fails.
type logTail struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

var _ io.Writer = (*logTail)(nil)

func (l *logTail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// client is a connection through pgherd for the length of the test.
func (r *rig) client() *pgx.Conn {
	r.Helper()
	c, err := r.connect(r.Context(), "bench", "")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}
