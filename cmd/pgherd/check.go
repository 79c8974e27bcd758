package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

func checkCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	file := flags.String("config", "pgherd.yaml", "configuration `file`")
	connect := flags.Bool("connect", false, "also log in to every node")
	if err := parse(flags, args); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	if err != nil {
		return err
	}
	if _, err := loadAccess(cfg); err != nil {
		return err
	}
	if _, err := openCertificates(cfg.TLS); err != nil {
		return err
	}
	fmt.Fprintln(out, *file, "is valid")
	if !*connect {
		return nil
	}
	return checkNodes(ctx, cfg, out)
}

// checkNodes prints a line about each node. Every node is tried.
func checkNodes(ctx context.Context, cfg *config.Config, out io.Writer) error {
	failed := 0
	nodes := nodesOf(cfg)
	for _, n := range nodes {
		line, err := checkNode(ctx, n, monitorOf(cfg))
		if err != nil {
			failed++
			line = err.Error()
		}
		fmt.Fprintf(out, "node %d (%s): %s\n", n.ID, n.Address(), line)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d nodes could not be checked", failed, len(nodes))
	}
	return nil
}

func checkNode(ctx context.Context, n cluster.Node, c cluster.Credentials) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, n.OwnConninfo(c).With("dbname", c.Database).String())
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var release, role, position string
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version'),
		CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END,
		coalesce(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text, 'unknown')`).
		Scan(&release, &role, &position)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("PostgreSQL %s, %s, at %s", release, role, position), nil
}
