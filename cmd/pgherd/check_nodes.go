package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/rights"
)

// checkTimeout is of each look at a node.
const checkTimeout = 10 * time.Second

// nodeCheck is a node and what its server said.
type nodeCheck struct {
	cluster.Node
	release, role, position string
	directory               string // data_directory, "" when the monitor may not see it
	system                  string // identifier of its cluster
	major                   int    // 0 when the server did not answer
	lacks                   rights.Missing
	failed                  bool
}

// checkNodes prints a line about each node's server, and one about its machine
// where pgherd has access to it. Every node is tried.
func checkNodes(ctx context.Context, cfg *config.Config, out io.Writer) error {
	machines := newMachines(cfg.Nodes)
	defer machines.close()
	monitor := monitorOf(cfg)
	var nodes []nodeCheck
	for _, n := range nodesOf(cfg) {
		c := nodeCheck{Node: n}
		err := c.ask(ctx, monitor)
		c.print(out, "", fmt.Sprintf("PostgreSQL %s, %s, at %s", c.release, c.role, c.position), err)
		c.checkRights(cfg, out)
		nodes = append(nodes, c)
	}
	printLag(nodes, out)
	whole := checkTogether(nodes, out)
	major := slices.MaxFunc(nodes, func(a, b nodeCheck) int { return a.major - b.major }).major
	failed := 0
	for i := range nodes {
		c := &nodes[i]
		if c.Access != cluster.AccessNone {
			line, err := c.try(ctx, cfg, machines, major)
			c.print(out, fmt.Sprintf("access %s: ", c.Access), line, err)
		}
		if c.failed {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d nodes failed the check", failed, len(nodes))
	}
	return whole
}

// print says what is well, or else all that is wrong, a line each.
func (c *nodeCheck) print(out io.Writer, about, well string, err error) {
	if err != nil {
		c.failed, well = true, err.Error()
	}
	for line := range strings.Lines(well) {
		fmt.Fprintf(out, "node %d (%s): %s%s\n", c.ID, c.Address(), about, strings.TrimSuffix(line, "\n"))
	}
}

func (c *nodeCheck) ask(ctx context.Context, as cluster.Credentials) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.OwnConninfo(as).With("dbname", as.Database).String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version'),
		current_setting('server_version_num')::integer / 10000,
		CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END,
		coalesce(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text, 'unknown'),
		coalesce((SELECT setting FROM pg_settings WHERE name = 'data_directory'), '')`).
		Scan(&c.release, &c.major, &c.role, &c.position, &c.directory)
	if err == nil {
		c.lacks, err = rights.Ask(ctx, conn)
	}
	if err == nil {
		err = conn.QueryRow(ctx, "SELECT system_identifier::text FROM pg_control_system()").Scan(&c.system)
	}
	return err
}

// try tries the way that pgherd has to the node besides plain SQL.
func (c *nodeCheck) try(ctx context.Context, cfg *config.Config, machines *machines, major int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if c.Access == cluster.AccessSQL {
		return c.askFunctions(ctx, scriptsOf(cfg))
	}
	return c.enter(ctx, machines, major)
}

// enter tries the node's machine.
func (c *nodeCheck) enter(ctx context.Context, machines *machines, major int) (string, error) {
	m, err := machines.of(int(c.ID))
	if err != nil {
		return "", err
	}
	r, err := host.Check(ctx, m, c.DataDirectory, major)
	if err != nil {
		return "", err
	}
	well := fmt.Sprintf("commands run as %s, programs in %s", r.User, r.Programs)
	if r.Missing {
		return well + "; there is no data directory: RECOVER makes it", nil
	}
	return well, c.sameDirectory(m)
}

// sameDirectory: recovery must not replace another server's directory.
func (c *nodeCheck) sameDirectory(m host.Machine) error {
	if c.directory == "" || c.directory == c.DataDirectory {
		return nil
	}
	there, err := m.RealPath(c.directory)
	if err != nil {
		return fmt.Errorf("the server at %s works in %s, which is not on this machine: correct data_directory, or the access: %w",
			c.Address(), c.directory, err)
	}
	if here, err := m.RealPath(c.DataDirectory); err != nil || here != there {
		return fmt.Errorf("the server at %s works in %s: correct data_directory, which is %s", c.Address(), c.directory, c.DataDirectory)
	}
	return nil
}
