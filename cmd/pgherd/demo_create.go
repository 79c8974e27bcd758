package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

const (
	demoUser      = "demo" // superuser and database of the demo
	firstNodePort = 15432
	// unfinished marks a directory whose making did not come to its end.
	unfinished = "unfinished"
)

// demoMaker makes the nodes and the files of a new demo.
type demoMaker struct {
	*demo
	bin       string
	instances []*host.Instance
	roles     []string
	port      int
}

// create makes a demo in a directory that is missing or empty. pgherd.yaml is
// written last: a directory that has it is complete.
func (d *demo) create(ctx context.Context, f demoFlags) (err error) {
	bin, err := host.FindNewest(ctx, d.machine)
	if err != nil {
		return err
	}
	if err := d.claim(ctx); err != nil {
		return err
	}
	ports, err := freeNodePorts(f.nodes, f.port)
	if err != nil {
		return err
	}
	m := &demoMaker{demo: d, bin: bin, port: f.port, roles: demoRoles(osUser(), os.Getenv("SUDO_USER"))}
	for id, port := range ports {
		name := fmt.Sprintf("node%d", id)
		node := cluster.Node{ID: cluster.NodeID(id), Name: name, Host: "127.0.0.1", Port: port,
			DataDirectory: d.file(fmt.Sprintf("n%d", id)), Access: cluster.AccessLocal, Weight: 1}
		m.instances = append(m.instances, host.Open(d.machine, node, bin))
	}
	d.say("making a demo of %d nodes in %s with PostgreSQL of %s", f.nodes, d.dir, bin)
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = errors.New("interrupted; the next start makes the demo anew")
		}
		if err != nil { // without the configuration nobody else would find them
			err = errors.Join(err, stopAll(m.instances))
		}
	}()
	if err := m.makeNodes(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return m.writeFiles()
}

func osUser() string {
	u, err := user.Current()
	if err != nil {
		return "" // no name: nobody to make a role for
	}
	return u.Username
}

// claim makes the directory, owned by the servers' user, and marks it as
// unfinished. What an interrupted creation left there is removed.
func (d *demo) claim(ctx context.Context) error {
	entries, err := os.ReadDir(d.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ours, err := d.machine.Exists(d.file(unfinished))
	if err != nil {
		return err
	}
	switch {
	case ours:
		err = d.removeUnfinished(ctx)
	case len(entries) > 0:
		err = fmt.Errorf("%s is not empty and holds no demo: choose another --dir", d.dir)
	case entries != nil:
		err = os.Remove(d.dir) // it may be owned by root
	}
	if err != nil {
		return err
	}
	if err := d.machine.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	if _, err := d.machine.Run(ctx, host.Command{Path: "test", Args: []string{"-w", d.dir}}); err != nil {
		return errors.Join(os.Remove(d.dir),
			fmt.Errorf("the user %s cannot reach %s: choose a --dir whose parents are open to it", serversUser, d.dir))
	}
	return d.writeFile(unfinished, "pgherd demo was interrupted; the next one starts over\n", false)
}

func (d *demo) removeUnfinished(ctx context.Context) error {
	dirs, _ := filepath.Glob(d.file("n[0-9]*/PG_VERSION")) // the pattern is good
	for _, version := range dirs {
		dir := filepath.Dir(version)
		bin, err := host.FindBinaries(ctx, d.machine, dir)
		if err != nil {
			return err
		}
		if err := host.Open(d.machine, cluster.Node{DataDirectory: dir}, bin).Stop(ctx, host.Immediate); err != nil {
			return err
		}
	}
	return d.machine.RemoveAll(d.dir)
}

// freeNodePorts are the first ports on which nobody listens.
func freeNodePorts(n, taken int) ([]int, error) {
	var ports []int
	for port := firstNodePort; port < 65536 && len(ports) < n; port++ {
		if port != taken && checkPort(port) == nil {
			ports = append(ports, port)
		}
	}
	if len(ports) < n {
		return nil, fmt.Errorf("fewer than %d ports are free from %d upwards", n, firstNodePort)
	}
	return ports, nil
}

// checkPort tries to listen, as pgherd will.
func checkPort(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("port %d is taken by another program (%w): choose another with --port", port, err)
	}
	return l.Close()
}

func (m *demoMaker) credentials(database string) cluster.Credentials {
	return cluster.Credentials{User: demoUser, Password: demoUser, Database: database}
}

// makeNodes leaves all nodes running.
func (m *demoMaker) makeNodes(ctx context.Context) error {
	if err := m.makePrimary(ctx); err != nil {
		return err
	}
	for _, i := range m.instances[1:] {
		if err := m.makeStandby(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (m *demoMaker) makePrimary(ctx context.Context) error {
	i := m.instances[0]
	m.say("node 0: making the primary on port %d", i.Node().Port)
	err := i.InitDB(ctx, host.InitDB{Superuser: demoUser, Password: demoUser, Options: map[string]string{
		"shared_buffers": "64MB", "log_line_prefix": "%m [%p] %q%u@%d ",
	}})
	if err != nil {
		return err
	}
	if err := i.Start(ctx); err != nil {
		return err
	}
	statements := []string{"CREATE DATABASE " + demoUser}
	for _, role := range m.roles[1:] {
		statements = append(statements, fmt.Sprintf("CREATE ROLE %s SUPERUSER LOGIN PASSWORD '%s'",
			pgx.Identifier{role}.Sanitize(), strings.ReplaceAll(role, "'", "''")))
	}
	for _, node := range m.instances[1:] {
		statements = append(statements, fmt.Sprintf("SELECT pg_create_physical_replication_slot('%s', true)", node.Node().SlotName()))
	}
	if err := m.execute(ctx, statements); err != nil {
		return err
	}
	return m.fill(ctx)
}

// execute runs statements on the primary.
func (m *demoMaker) execute(ctx context.Context, statements []string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	login := m.credentials("postgres")
	conn, err := pgx.Connect(ctx, m.instances[0].Node().Conninfo(login).With("dbname", login.Database).With("sslmode", "disable").String())
	if err != nil {
		return fmt.Errorf("node 0: %w", err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("node 0: %w", err)
		}
	}
	return nil
}

// fill makes pgbench's tables, where pgbench is installed.
func (m *demoMaker) fill(ctx context.Context) error {
	program := filepath.Join(m.bin, "pgbench")
	if found, err := m.machine.Exists(program); err != nil || !found {
		m.say("node 0: no pgbench in %s, so its tables are not made", m.bin)
		return err
	}
	_, err := m.machine.Run(ctx, host.Command{
		Path: program,
		Args: []string{"-i", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(m.instances[0].Node().Port), "-U", demoUser, demoUser},
		Env:  []string{"PGPASSWORD=" + demoUser},
	})
	if err != nil {
		return fmt.Errorf("node 0: %w", err)
	}
	return nil
}

// makeStandby copies the primary. The port that came with the copy is replaced
// in the node's own postgresql.auto.conf.
func (m *demoMaker) makeStandby(ctx context.Context, i *host.Instance) error {
	primary, node := m.instances[0].Node(), i.Node()
	m.say("node %d: copying the primary, on port %d", node.ID, node.Port)
	login := m.credentials("")
	err := i.BaseBackup(ctx, host.BaseBackup{Source: primary, Credentials: login,
		ApplicationName: node.Name, Target: node.DataDirectory, Slot: node.SlotName()})
	if err != nil {
		return err
	}
	if err := i.Configure(map[string]string{"port": strconv.Itoa(node.Port)}); err != nil {
		return err
	}
	if err := i.Follow(primary.PrimaryConninfo(node, login), node.SlotName()); err != nil {
		return err
	}
	return i.Start(ctx)
}

func (m *demoMaker) writeFiles() error {
	if err := m.writeFile("users.txt", usersText(m.roles), true); err != nil {
		return err
	}
	nodes := make([]cluster.Node, len(m.instances))
	for i, instance := range m.instances {
		nodes[i] = instance.Node()
	}
	text, err := demoConfig(m.port, nodes, m.roles)
	if err != nil {
		return err
	}
	if err := m.writeFile("pgherd.yaml", text, true); err != nil {
		return err
	}
	return m.machine.RemoveAll(m.file(unfinished))
}
