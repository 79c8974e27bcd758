package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// stopPatience is how long a node may take to stop in order.
const stopPatience = 30 * time.Second

// demoNode is a node as it lies on the disk.
type demoNode struct {
	*host.Instance
	form diskForm
}

// diskForm is what a data directory would start as.
type diskForm int

const (
	noData    diskForm = iota // nothing to start
	asStandby                 // there is a standby.signal
	asPrimary                 // it would accept writes
)

// nodes are those inside the demo's directory; a node that was added to the
// configuration by hand is somebody else's to start and stop.
func (d *demo) nodes(ctx context.Context) ([]demoNode, error) {
	var found []demoNode
	for _, n := range nodesOf(d.cfg) {
		if n.Access != cluster.AccessLocal || !strings.HasPrefix(filepath.Clean(n.DataDirectory), d.dir+"/") {
			continue
		}
		m, err := host.Local(n.DataDirectory)
		if err != nil {
			return nil, err
		}
		bin, err := host.FindBinaries(ctx, m, n.DataDirectory)
		if err != nil {
			return nil, err
		}
		form, err := formOf(m, n.DataDirectory)
		if err != nil {
			return nil, err
		}
		found = append(found, demoNode{host.Open(m, n, bin), form})
	}
	return found, nil
}

func formOf(m host.Machine, dir string) (diskForm, error) {
	data, err := m.Exists(filepath.Join(dir, "PG_VERSION"))
	if err != nil || !data {
		return noData, err
	}
	standby, err := m.Exists(filepath.Join(dir, "standby.signal"))
	if standby {
		return asStandby, err
	}
	return asPrimary, err
}

// lastPrimary is the one node that may be started to accept writes: pgherd's
// record names it. Before there is a record it is the only one that would.
// A node that was the primary before must never be started as one again.
func lastPrimary(nodes []demoNode, r cluster.Record) cluster.NodeID {
	var claims []cluster.NodeID
	for _, n := range nodes {
		if n.form == asPrimary {
			claims = append(claims, n.Node().ID)
		}
	}
	switch {
	case r.Epoch > 0 && slices.Contains(claims, r.Primary):
		return r.Primary
	case r.Epoch == 0 && len(claims) == 1:
		return claims[0]
	}
	return cluster.NoNode
}

// startNodes starts the last primary, then the standbys, and returns how many
// there are. A standby that fails is left to RECOVER NODE.
func (d *demo) startNodes(ctx context.Context) (int, error) {
	nodes, err := d.nodes(ctx)
	if err != nil {
		return 0, err
	}
	store, err := cluster.OpenStore(d.cfg.StateDir)
	if err != nil {
		return 0, err
	}
	primary := lastPrimary(nodes, store.Load())
	for _, n := range nodes {
		if n.Node().ID == primary {
			if err := n.Start(ctx); err != nil {
				return 0, err
			}
		}
	}
	return d.startStandbys(ctx, nodes, primary)
}

func (d *demo) startStandbys(ctx context.Context, nodes []demoNode, primary cluster.NodeID) (int, error) {
	started := 0
	for _, n := range nodes {
		id := n.Node().ID
		switch {
		case id == primary:
			started++
		case n.form == asStandby:
			if err := n.Start(ctx); err != nil {
				d.say("%v", err)
				continue
			}
			started++
		case n.form == asPrimary:
			d.say("node %d was the primary once and is not any more, so it stays down: RECOVER NODE %d", id, id)
		default:
			d.say("node %d has no data: RECOVER NODE %d", id, id)
		}
	}
	return started, ctx.Err()
}

// stopNodes has a time limit of its own: it also runs after ctx has ended.
func (d *demo) stopNodes() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	nodes, err := d.nodes(ctx)
	if err != nil {
		return err
	}
	// The primary goes first: it sends the standbys the rest of its log.
	slices.SortStableFunc(nodes, func(a, b demoNode) int { return int(b.form) - int(a.form) })
	instances := make([]*host.Instance, len(nodes))
	for i, n := range nodes {
		instances[i] = n.Instance
	}
	return stopAll(instances)
}

// stopAll stops every server, in order, if need be by force.
func stopAll(instances []*host.Instance) error {
	var failed error
	for _, i := range instances {
		failed = errors.Join(failed, stopNode(i))
	}
	return failed
}

func stopNode(i *host.Instance) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	err := i.Stop(ctx, host.Fast)
	cancel()
	if err == nil {
		return nil
	}
	ctx, cancel = context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if again := i.Stop(ctx, host.Immediate); again != nil {
		return fmt.Errorf("%w; %w", err, again)
	}
	return nil
}
