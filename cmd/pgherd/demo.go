package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/host"
)

// serversUser is who the demo's servers run as when pgherd is run by root.
const serversUser = "postgres"

// maxDemoNodes is bounded by the max_wal_senders of a node: each standby has one.
const maxDemoNodes = 10

// demoFlags is the command line of pgherd demo.
type demoFlags struct {
	dir    string
	port   int
	nodes  int
	action demoAction
	given  map[string]bool // flags that were set; the others follow the existing demo
}

type demoAction int

const (
	demoForeground demoAction = iota
	demoDetach
	demoStop
)

// demo is one directory with a local cluster and pgherd in front of it.
type demo struct {
	dir     string // absolute
	out     io.Writer
	machine host.Machine // this one, as the user that the servers run as
	cfg     *config.Config
}

func demoCommand(ctx context.Context, args []string, out io.Writer) error {
	f, err := parseDemo(args)
	if err != nil {
		return err
	}
	d, err := openDemo(f.dir, out)
	if err != nil {
		return err
	}
	if f.action == demoStop {
		return d.stop(ctx)
	}
	if err := d.prepare(ctx, f); err != nil {
		return err
	}
	if f.action == demoDetach {
		return d.detach(ctx)
	}
	return d.foreground(ctx)
}

func parseDemo(args []string) (demoFlags, error) {
	f := demoFlags{given: map[string]bool{}}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&f.dir, "dir", "/tmp/pgherd-demo", "`directory` of the demo; made when missing, resumed when there")
	flags.IntVar(&f.port, "port", 9999, "`port` of 127.0.0.1 that pgherd listens on")
	flags.IntVar(&f.nodes, "nodes", 3, "`number` of PostgreSQL nodes")
	detach := flags.Bool("detach", false, "leave it running in the background")
	stop := flags.Bool("stop", false, "stop pgherd and the nodes of the directory")
	if err := parse(flags, args); err != nil {
		return f, err
	}
	flags.Visit(func(g *flag.Flag) { f.given[g.Name] = true })
	switch {
	case *detach && *stop:
		return f, errors.New("--detach and --stop exclude each other")
	case *stop:
		f.action = demoStop
	case *detach:
		f.action = demoDetach
	}
	return f, f.check()
}

func (f demoFlags) check() error {
	switch {
	case f.dir == "":
		return errors.New("--dir is empty")
	case f.port < 1 || f.port > 65535:
		return fmt.Errorf("--port %d is not between 1 and 65535", f.port)
	case f.nodes < 1 || f.nodes > maxDemoNodes:
		return fmt.Errorf("--nodes %d is not between 1 and %d", f.nodes, maxDemoNodes)
	}
	return nil
}

func openDemo(dir string, out io.Writer) (*demo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	m, err := host.LocalUser(serversUser)
	if err != nil {
		return nil, fmt.Errorf("%w: install the PostgreSQL server package, which makes that user (postgresql on Debian)", err)
	}
	return &demo{dir: dir, out: out, machine: m}, checkOwner(dir)
}

func (d *demo) file(name string) string { return filepath.Join(d.dir, name) }
func (d *demo) configFile() string      { return d.file("pgherd.yaml") }
func (d *demo) logFile() string         { return d.file("pgherd.log") }
func (d *demo) pidFile() string         { return d.file("pgherd.pid") }

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// prepare makes the demo or finds the one that is there.
func (d *demo) prepare(ctx context.Context, f demoFlags) error {
	if p, running := readPidFile(d.pidFile()); running {
		return fmt.Errorf("the demo in %s runs already, as process %d; stop it with: %s", d.dir, p.pid, d.stopLine())
	}
	made, err := d.machine.Exists(d.configFile())
	if err != nil {
		return err
	}
	if !made {
		if err := checkPort(f.port); err != nil {
			return err
		}
		if err := d.create(ctx, f); err != nil {
			return err
		}
	}
	if err := d.load(); err != nil {
		return err
	}
	return errors.Join(d.agrees(f), checkPort(d.port()))
}

func (d *demo) load() (err error) {
	if _, err := os.Stat(d.configFile()); err != nil {
		return fmt.Errorf("there is no demo in %s: %w", d.dir, err)
	}
	d.cfg, err = config.Load(d.configFile())
	return err
}

// agrees refuses flags that an existing demo cannot follow.
func (d *demo) agrees(f demoFlags) error {
	if f.given["nodes"] && f.nodes != len(d.cfg.Nodes) {
		return fmt.Errorf("the demo in %s has %d nodes, not %d; choose another --dir, or remove that one",
			d.dir, len(d.cfg.Nodes), f.nodes)
	}
	if f.given["port"] && f.port != d.port() {
		return fmt.Errorf("the demo in %s listens on port %d, not %d; change listen in %s",
			d.dir, d.port(), f.port, d.configFile())
	}
	return nil
}

// foreground runs pgherd in this process until ctx ends, or the terminal goes
// away. What needs attention is shown, everything is in the log file.
func (d *demo) foreground(ctx context.Context) (err error) {
	ctx, reloads, stop := sortHangups(ctx, hasTerminal)
	defer stop()
	if err := writePidFile(d.machine, d.pidFile(), os.Getpid()); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, d.stopNodes(), d.machine.RemoveAll(d.pidFile()))
		d.say("stopped; the next start of the demo in %s goes on from here", d.dir)
	}()
	started, err := d.startNodes(ctx)
	if err != nil {
		return err
	}
	file, err := openLog(d.logFile())
	if err != nil {
		return err
	}
	defer file.Close() // written line by line
	return d.serve(ctx, started, reloads, teeLogger(os.Stderr, file))
}

// writeFile replaces a file of the demo; the directory may be another user's,
// so that no link in it is followed.
func (d *demo) writeFile(name, text string, secret bool) error {
	mode := os.FileMode(0o644)
	if secret {
		mode = 0o600
	}
	return d.machine.WriteFile(d.file(name), []byte(text), mode)
}

// demoRoles are the demo's users: whom psql takes when it is not told, and the
// usual names.
func demoRoles(osUser, sudoUser string) []string {
	roles := []string{demoUser}
	for _, name := range []string{"postgres", "bench", osUser, sudoUser} {
		// PostgreSQL reserves pg_.
		if name != "" && len(name) <= 63 && (len(name) < 3 || name[:3] != "pg_") && !slices.Contains(roles, name) {
			roles = append(roles, name)
		}
	}
	return roles
}
