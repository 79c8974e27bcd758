package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pgherd/pgherd/sql"
)

// version is what `pgherd version` and SHOW POOL_VERSION say.
const version = "0.1.0"

// command is one of pgherd's subcommands.
type command struct {
	name  string
	usage string
	brief string
	help  string
	run   func(ctx context.Context, args []string, out io.Writer) error
}

// errUsage says that the command line makes no sense; what was wrong is printed.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signalContext()
	defer stop()
	err := dispatch(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "pgherd:", err)
		os.Exit(1)
	}
}

func commands() []command {
	return []command{
		{"serve", "[--config pgherd.yaml] [--log-format text|json] [--cpu-profile FILE]", "serve clients in the foreground", serveHelp, serveCommand},
		{"check", "[--config pgherd.yaml] [--connect]", "validate a configuration", checkHelp, checkCommand},
		{"demo", "[--dir DIR] [--port 9999] [--nodes 3] [--detach | --stop]", "try it: a local cluster behind pgherd", demoHelp, demoCommand},
		{"receivewal", "--dir DIR [--config pgherd.yaml] [--slot NAME] [--name NAME] [--synchronous] [--endpos LSN]", "receive and keep the write-ahead log of the cluster", receivewalHelp, receivewalCommand},
		{"role", "", "print a script that creates the role that pgherd logs in to the nodes with", roleHelp, roleCommand},
		{"views", "", "print a script that puts the console's views into a database of yours", viewsHelp, viewsCommand},
		{"version", "", "print the version", versionHelp, versionCommand},
	}
}

func dispatch(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		printUsage(out)
		return nil
	}
	switch args[0] {
	case "help":
		return helpCommand(args[1:], out)
	case "--version", "-V":
		return versionCommand(ctx, nil, out)
	}
	c, err := find(args[0])
	if err != nil {
		return err
	}
	return c.run(ctx, args[1:], out)
}

func find(name string) (command, error) {
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
	}
	fmt.Fprintf(os.Stderr, "pgherd: there is no command %q\n", name)
	printUsage(os.Stderr)
	return command{}, errUsage
}

func printUsage(out io.Writer) {
	fmt.Fprint(out, "pgherd: one binary in front of a PostgreSQL primary and its standbys\n\n")
	for _, c := range commands() {
		fmt.Fprintf(out, "  pgherd %-10s %s\n", c.name, c.brief)
	}
	fmt.Fprint(out, "\npgherd help COMMAND tells more.\n")
}

func helpCommand(args []string, out io.Writer) error {
	if len(args) == 0 {
		printUsage(out)
		return nil
	}
	c, err := find(args[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n\n%s\n", strings.TrimSpace("pgherd "+c.name+" "+c.usage), c.help)
	return nil
}

func viewsCommand(_ context.Context, _ []string, out io.Writer) error {
	_, err := io.WriteString(out, sql.Views)
	return err
}

func roleCommand(_ context.Context, _ []string, out io.Writer) error {
	_, err := io.WriteString(out, sql.Monitor)
	return err
}

func versionCommand(_ context.Context, _ []string, out io.Writer) error {
	fmt.Fprintln(out, "pgherd", version)
	return nil
}

// parse reads a command's flags; help and mistakes are printed by the flag set.
func parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(os.Stderr)
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "pgherd %s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
		return errUsage
	}
	return nil
}
