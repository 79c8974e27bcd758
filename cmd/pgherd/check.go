package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/pgherd/pgherd/internal/config"
)

func checkCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	file := flags.String("config", "pgherd.yaml", "configuration `file`")
	connect := flags.Bool("connect", false, "also log in to every node, and to its machine")
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
