package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

const (
	readyPatience = 60 * time.Second // until a statement is answered
	nodesPatience = 15 * time.Second // until all nodes are in use
)

// serve runs pgherd in this process and prints what to try when it answers.
func (d *demo) serve(ctx context.Context, started int, reloads <-chan os.Signal, log hclog.Logger) error {
	a, err := newApp(d.cfg, log)
	if err != nil {
		return err
	}
	a.reloads.file = d.configFile()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	var runErr error
	go func() {
		defer close(ended)
		runErr = a.runWithHangups(ctx, reloads)
	}()
	err = d.awaitReady(ctx, started, func() error { return closedError(ended) })
	if err == nil {
		d.guide()
		d.say("Ctrl-C stops pgherd and the nodes.")
	} else {
		cancel()
	}
	<-ended
	if errors.Is(err, context.Canceled) {
		err = nil // asked to stop before it was ready
	}
	return errors.Join(err, runErr)
}

func closedError(ended <-chan struct{}) error {
	select {
	case <-ended:
		return errors.New("pgherd ended before it was ready")
	default:
		return nil
	}
}

// port is where pgherd listens.
func (d *demo) port() int {
	_, text, _ := net.SplitHostPort(d.cfg.Listen[0]) // checked by config.Load
	port, _ := strconv.Atoi(text)
	return port
}

// awaitReady waits until a statement is answered, and a while longer until the
// nodes that were started are in use. ended tells why there is no more hope.
func (d *demo) awaitReady(ctx context.Context, started int, ended func() error) error {
	last := errors.New("not tried")
	ready := d.poll(ctx, readyPatience, ended, func() bool {
		last = d.tryStatement(ctx)
		return last == nil
	})
	if err := errors.Join(ctx.Err(), ended()); err != nil {
		return err
	}
	if !ready {
		return fmt.Errorf("pgherd does not answer on port %d: %w; see %s", d.port(), last, d.logFile())
	}
	all := d.poll(ctx, nodesPatience, ended, func() bool { return d.nodesUp(ctx) >= started })
	if !all && ctx.Err() == nil {
		d.say("not all nodes are in use yet: SHOW POOL_NODES, and %s", d.logFile())
	}
	return errors.Join(ctx.Err(), ended())
}

func (d *demo) poll(ctx context.Context, patience time.Duration, ended func() error, done func() bool) bool {
	for deadline := time.Now().Add(patience); ended() == nil && time.Now().Before(deadline); {
		if done() {
			return true
		}
		if !host.Sleep(ctx, 50*time.Millisecond) {
			return false
		}
	}
	return false
}

// connect logs in to pgherd as any program would.
func (d *demo) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	pgherd := cluster.Node{Host: "127.0.0.1", Port: d.port()}
	login := cluster.Credentials{User: demoUser, Password: demoUser}
	return pgx.Connect(ctx, pgherd.Conninfo(login).With("dbname", database).With("sslmode", "disable").String())
}

func (d *demo) tryStatement(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := d.connect(ctx, demoUser)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT 1")
	return err
}

// poolNodes is what SHOW POOL_NODES says; the first columns are the node's
// number, host, port and status, the seventh is the role.
func (d *demo) poolNodes(ctx context.Context) ([][][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := d.connect(ctx, d.cfg.Console.Database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, "SHOW POOL_NODES").ReadAll()
	if err != nil || len(results) != 1 {
		return nil, err
	}
	return results[0].Rows, nil
}

func (d *demo) nodesUp(ctx context.Context) int {
	rows, err := d.poolNodes(ctx)
	if err != nil {
		return 0
	}
	up := 0
	for _, row := range rows {
		if len(row) > 3 && string(row[3]) == cluster.Up.String() {
			up++
		}
	}
	return up
}

// primary is the node that takes the writes, the first one when that is not known.
func (d *demo) primary(ctx context.Context) int {
	rows, err := d.poolNodes(ctx)
	if err != nil {
		return 0
	}
	for i, row := range rows {
		if len(row) > 6 && string(row[6]) == cluster.Primary.String() {
			return i
		}
	}
	return 0
}

// guide prints lines to try. They are in an order in which each of them works.
func (d *demo) guide() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	p := d.primary(ctx)
	psql := fmt.Sprintf("psql -h 127.0.0.1 -p %d", d.port())
	d.say("\npgherd listens on 127.0.0.1:%d in front of", d.port())
	for i, n := range d.cfg.Nodes {
		d.say("  node %d  127.0.0.1:%d  %s", i, n.Port, n.DataDirectory)
	}
	d.say("\nAny program on this machine may log in, without a password, as a superuser (auth type")
	d.say("trust, only on 127.0.0.1): good for a demo and nothing else. From another terminal, try\n")
	d.say("  %s demo", psql)
	d.say("  %s -d pgpool -c 'SHOW POOL_NODES'", psql)
	d.say("  pgbench -h 127.0.0.1 -p %d -c 16 -T 10 -S demo          # reads, spread over the nodes", d.port())
	if len(d.cfg.Nodes) > 1 {
		d.say("  %s  # the primary dies: a standby takes over", d.killLine(d.cfg.Nodes[p].DataDirectory))
		d.say("  %s -d pgpool -c 'RECOVER NODE %d'  # bring it back as a standby", psql, p)
		d.say("  %s -d pgpool -c 'PROMOTE NODE %d'  # and make it the primary again", psql, p)
	}
	d.say("\nlog: %s, configuration: %s", d.logFile(), d.configFile())
}

// killLine is kill -9 of a postmaster, whose directory only its owner may read.
func (d *demo) killLine(dataDirectory string) string {
	line := fmt.Sprintf("kill -9 $(head -1 %s/postmaster.pid)", dataDirectory)
	if os.Getuid() == 0 && os.Getenv("SUDO_USER") != "" {
		return "sudo sh -c '" + line + "'"
	}
	return line
}

func (d *demo) stopLine() string { return fmt.Sprintf("%s demo --stop --dir %s", os.Args[0], d.dir) }
