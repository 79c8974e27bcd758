package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/sql"
)

// Option changes how a cluster is made.
type Option func(*options)

type options struct {
	settings  strings.Builder
	newSystem bool
	files     map[string]string // of the data directory, by name
	machine   host.Machine      // that instances are reached by; nil for this one
}

// WithMachine has the instances reached otherwise than directly, as by
// SSHServer.Machine.
func WithMachine(m host.Machine) Option { return func(o *options) { o.machine = m } }

// WithFile writes a file into every node's data directory, such as pg_hba.conf.
func WithFile(name, text string) Option {
	return func(o *options) {
		if o.files == nil {
			o.files = map[string]string{}
		}
		o.files[name] = text
	}
}

// WithFsync turns fsync on.
func WithFsync() Option { return WithSetting("fsync", "on") }

// WithSetting adds a line to every node's postgresql.conf.
func WithSetting(name, value string) Option {
	return func(o *options) {
		fmt.Fprintf(&o.settings, "%s = '%s'\n", name, strings.ReplaceAll(value, "'", "''"))
	}
}

// WithNewSystem runs initdb instead of copying the template, for a system
// identifier of its own.
func WithNewSystem() Option { return func(o *options) { o.newSystem = true } }

// Cluster starts a primary, which is node 0, and standbys, and waits until all
// of them stream. Node n is named node<n> and has the slot pgherd_<n> on the
// primary. The superuser bench has password bench and database bench.
func Cluster(t testing.TB, standbys int, opts ...Option) *TestCluster {
	t.Helper()
	Real(t)
	o := &options{}
	for _, apply := range opts {
		apply(o)
	}
	s, err := prepare()
	if err != nil {
		t.Fatalf("this test needs PostgreSQL: %v", err)
	}
	c := &TestCluster{t: t, system: s}
	c.place(standbys+1, o)
	t.Cleanup(c.tearDown)
	if o.newSystem {
		c.makeOwnTemplate()
	}
	for id := range c.nodes {
		c.makeNode(cluster.NodeID(id), o)
	}
	c.awaitStreaming(0, standbys)
	return c
}

// makeBase makes a directory that the owner can enter, by its real name, which
// is what the kernel calls a process's working directory.
func (c *TestCluster) makeBase() {
	c.t.Helper()
	base, err := os.MkdirTemp(scratch(), "pgherd-test-")
	if err == nil {
		c.base, err = filepath.EvalSymlinks(base)
	}
	if err == nil {
		err = os.Chmod(base, 0o755)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// place chooses directories and ports. The inner directory is the owner's, as
// the parent of a data directory usually is.
func (c *TestCluster) place(n int, o *options) {
	c.t.Helper()
	if o.machine == nil {
		o.machine = c.system.machine
	}
	c.makeBase()
	c.dir = filepath.Join(c.base, "nodes")
	if err := c.system.machine.MkdirAll(c.dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	for id := range n {
		name := fmt.Sprintf("node%d", id)
		node := cluster.Node{
			ID: cluster.NodeID(id), Name: name, Host: "127.0.0.1", Port: FreePort(c.t),
			DataDirectory: filepath.Join(c.dir, name), Access: cluster.AccessLocal, Weight: 1,
		}
		c.nodes = append(c.nodes, node)
		c.instances = append(c.instances, host.Open(o.machine, node, c.system.bin))
	}
}

func (c *TestCluster) makeOwnTemplate() {
	c.t.Helper()
	c.system.template = filepath.Join(c.dir, "template")
	if err := c.system.initialize(c.t.Context(), c.system.template); err != nil {
		c.t.Fatal(err)
	}
}

// makeNode copies the template, which is cleanly shut down, for standbys too:
// their log continues with the primary's first record.
func (c *TestCluster) makeNode(id cluster.NodeID, o *options) {
	c.t.Helper()
	n := c.nodes[id]
	if err := c.system.copyTo(c.t.Context(), n.DataDirectory); err != nil {
		c.t.Fatal(err)
	}
	conf := filepath.Join(n.DataDirectory, "postgresql.conf")
	text, err := c.system.machine.ReadFile(conf)
	if err != nil {
		c.t.Fatal(err)
	}
	text = fmt.Appendf(text, "port = %d\n%s", n.Port, o.settings.String())
	if err := c.system.machine.WriteFile(conf, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	for name, text := range o.files {
		if err := c.system.machine.WriteFile(filepath.Join(n.DataDirectory, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	if id != 0 {
		c.Exec(0, "SELECT pg_create_physical_replication_slot($1, true)", n.SlotName())
		if err := c.instances[id].Follow(c.nodes[0].PrimaryConninfo(n, superuser), n.SlotName()); err != nil {
			c.t.Fatal(err)
		}
	}
	c.Start(id)
}

func (c *TestCluster) awaitStreaming(primary cluster.NodeID, standbys int) {
	c.t.Helper()
	conn := c.Conn(primary)
	Await(c.t, 20*time.Second, "the standbys to stream", func() bool {
		return streaming(c.t.Context(), conn) == standbys
	})
}

// streaming counts the walsenders in state streaming.
func streaming(ctx context.Context, q querier) int {
	var n int
	text := "SELECT count(*) FROM (" + sql.Replication + ") AS r WHERE state = 'streaming'"
	if err := q.QueryRow(ctx, text).Scan(&n); err != nil {
		return -1
	}
	return n
}

// tearDown has a context of its own: the test's has ended.
func (c *TestCluster) tearDown() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for id, i := range c.instances {
		c.Thaw(cluster.NodeID(id))
		if err := i.Stop(ctx, host.Immediate); err != nil {
			c.t.Error(err)
		}
		if c.t.Failed() {
			c.t.Logf("the log of node %d ends with\n%s", id, i.LogTail(25))
		}
	}
	assertNoneLeft(c.t, c.dir)
	if err := os.RemoveAll(c.base); err != nil {
		c.t.Error(err)
	}
}
