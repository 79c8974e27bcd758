package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/recovery/walreceiver"
	"github.com/pgherd/pgherd/sql"
)

// receivewalFlags is the command line of pgherd receivewal; the names are those of
// pg_receivewal where it has them.
type receivewalFlags struct {
	config, dir, slot, name, endpos string
	synchronous                     bool
}

func receivewalCommand(ctx context.Context, args []string, _ io.Writer) error {
	var f receivewalFlags
	flags := flag.NewFlagSet("receivewal", flag.ContinueOnError)
	flags.StringVar(&f.config, "config", "pgherd.yaml", "configuration `file`")
	flags.StringVar(&f.dir, "dir", "", "`directory` of the segments; made when missing, continued when there")
	flags.StringVar(&f.slot, "slot", "", "replication `slot` to use; made on the primary when missing")
	flags.StringVar(&f.name, "name", "pgherd_receivewal", "application `name`, for synchronous_standby_names")
	flags.StringVar(&f.endpos, "endpos", "", "stop when the `position` is received")
	flags.BoolVar(&f.synchronous, "synchronous", false, "flush and report everything at once")
	if err := parse(flags, args); err != nil {
		return err
	}
	what, err := f.what()
	if err != nil {
		return err
	}
	cfg, err := config.Load(f.config)
	if err != nil {
		return err
	}
	dir, err := walreceiver.OpenDirectory(f.dir)
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	log := newLogger(cfg.Log, os.Stderr)
	find := func(ctx context.Context) (walreceiver.Upstream, error) { return findUpstream(ctx, cfg, f.name) }
	archiver := walreceiver.NewArchiver(what, dir, walreceiver.Network{}, find, rand.Float64, log)
	return errors.Join(archiver.Run(ctx), dir.Close())
}

var slotName = regexp.MustCompile(`^[a-z0-9_]{0,63}$`)

// what checks the flags.
func (f receivewalFlags) what() (walreceiver.Config, error) {
	c := walreceiver.Config{Slot: f.slot}
	if f.synchronous {
		c.Flushing = walreceiver.FlushEverything
	}
	if f.dir == "" {
		return c, errors.New("--dir is missing: say where the segments are to be kept")
	}
	if !slotName.MatchString(f.slot) {
		return c, fmt.Errorf("--slot %q: a slot's name has lower case letters, digits and underscores, 63 at most", f.slot)
	}
	var err error
	if f.endpos != "" {
		if c.End, err = cluster.ParseLSN(f.endpos); err != nil {
			return c, fmt.Errorf("--endpos: %w", err)
		}
	}
	return c, nil
}

// standing is what a node says when it is asked whether it leads.
type standing struct {
	node     cluster.Node
	standby  bool
	timeline int64
	err      error
}

// findUpstream asks all nodes at once. Of several that take writes, the one on the
// newest timeline was promoted last.
func findUpstream(ctx context.Context, cfg *config.Config, name string) (walreceiver.Upstream, error) {
	nodes, monitor := nodesOf(cfg), monitorOf(cfg)
	answers := make([]standing, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() { answers[i] = askStanding(ctx, n, monitor) })
	}
	wg.Wait()
	best, err := newestPrimary(answers)
	if err != nil {
		return walreceiver.Upstream{}, err
	}
	info := best.OwnConninfo(monitor).With("application_name", name).With("connect_timeout", "10")
	return walreceiver.Upstream{Name: fmt.Sprintf("node %d (%s)", best.ID, best.Address()), Conninfo: info.String()}, nil
}

func askStanding(ctx context.Context, n cluster.Node, monitor cluster.Credentials) (s standing) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s.node = n
	conn, err := pgx.Connect(ctx, n.OwnConninfo(monitor).With("dbname", monitor.Database).String())
	if err != nil {
		s.err = fmt.Errorf("node %d (%s): %w", n.ID, n.Address(), err)
		return s
	}
	defer conn.Close(ctx)
	s.err = conn.QueryRow(ctx, sql.Lead).Scan(&s.standby, &s.timeline)
	return s
}

// newestPrimary refuses to choose between two.
func newestPrimary(answers []standing) (cluster.Node, error) {
	var best []standing
	failures := []error{errors.New("no node is a primary")}
	for _, s := range answers {
		switch {
		case s.err != nil:
			failures = append(failures, s.err)
		case s.standby:
		case len(best) == 0 || s.timeline > best[0].timeline:
			best = []standing{s}
		case s.timeline == best[0].timeline:
			best = append(best, s)
		}
	}
	switch len(best) {
	case 0:
		return cluster.Node{}, errors.Join(failures...)
	case 1:
		return best[0].node, nil
	}
	return cluster.Node{}, fmt.Errorf("nodes %d and %d are both primaries on timeline %d: stop the one that is wrong",
		best[0].node.ID, best[1].node.ID, best[0].timeline)
}
