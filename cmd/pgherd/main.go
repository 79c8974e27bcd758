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
		{"serve", "[--config pgherd.yaml] [--log-format text|json] [--cpu-profile FILE]", "serve clients in the foreground",
			"Reads the configuration, connects to the nodes and serves clients until SIGTERM or\nSIGINT: then sessions end as they fall idle; a second signal ends at once. SIGHUP\nreads the configuration again.\n\n  pgherd serve\n  pgherd serve --config /etc/pgherd/pgherd.yaml --log-format json\n  pgherd serve --cpu-profile cpu.pprof", serveCommand},
		{"check", "[--config pgherd.yaml] [--connect]", "validate a configuration",
			"Names every mistake in the file. With --connect it also logs in to every node and\nreports its version, role, position and lag, and whether they are one cluster.\n\n  pgherd check\n  pgherd check --config pgherd.yaml --connect", checkCommand},
		{"demo", "[--dir DIR] [--port 9999] [--nodes 3] [--detach | --stop]", "try it: a local cluster with pgherd in front",
			"Makes a primary and its streaming standbys in DIR (/tmp/pgherd-demo) and serves them\non 127.0.0.1. Started again on the same directory it goes on from there. Ctrl-C\nstops it, SIGHUP reads DIR/pgherd.yaml again.\n\n  pgherd demo\n  pgherd demo --dir /tmp/two --port 9998 --nodes 2\n  pgherd demo --detach\n  pgherd demo --stop", demoCommand},
		{"receivewal", "--dir DIR [--config pgherd.yaml] [--slot NAME] [--name NAME] [--synchronous] [--endpos LSN]", "keep the write-ahead log of the cluster",
			"Receives the log from the primary of the configuration, wherever a failover puts it,\ninto DIR: the files that pg_receivewal would write. Started again on the same\ndirectory it goes on from there. With --slot no log is missed while it is away. With\n--synchronous it may stand in synchronous_standby_names, by --name.\n\n  pgherd receivewal --dir /var/lib/pgherd/wal --slot pgherd_receivewal\n  pgherd receivewal --config pgherd.yaml --dir wal --synchronous --name witness\n  pgherd receivewal --dir wal --endpos 0/3000000", receivewalCommand},
		{"role", "", "print a script: the role that pgherd logs in to the nodes with",
			"psql runs it as a superuser on the primary, in the database that monitor.database\nnames. It makes the role of monitor.user, with no more rights than pgherd uses; with\n-v failover=off, than it uses to pool and to route.\n\n  pgherd role | psql -d postgres\n  pgherd role | psql -d postgres -v role=watcher -v failover=off", roleCommand},
		{"views", "", "print a script: the console's views in a database of yours",
			"psql runs it as a superuser. It makes a schema pgherd with every view of the console,\nthrough dblink, so that dashboards join them with pg_stat_activity and its kin; what\nit needs to know is in its first lines.\n\n  pgherd views | psql -d shop -v host=127.0.0.1 -v port=9999 -v user=stats -v grantee=grafana", viewsCommand},
		{"version", "", "print the version", "The same as SHOW POOL_VERSION in the console says.\n\n  pgherd version", versionCommand},
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
