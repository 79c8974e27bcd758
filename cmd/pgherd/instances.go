package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/failover"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/recovery"
)

// instances opens the nodes' data directories when they are first needed, for
// a node may be reached by SQL alone, or not be there yet.
type instances struct {
	machines *machines
	board    *cluster.Board // knows the nodes
	open     [cluster.MaxNodes]opened
	fresh    chan cluster.Node // whom nobody has greeted yet
}

// opened has a lock of its own: a machine that hangs holds up nobody else.
type opened struct {
	mu       sync.Mutex // guards the others
	machine  host.Machine
	instance *host.Instance
}

func newInstances(m *machines, board *cluster.Board) *instances {
	i := &instances{machines: m, board: board, fresh: make(chan cluster.Node, cluster.MaxNodes)}
	for _, n := range board.Current().Nodes {
		i.fresh <- n.Node
	}
	return i
}

// add has nodes greeted that the board knows now. It never blocks: there is room for all.
func (i *instances) add(nodes []cluster.Node) {
	for _, n := range nodes {
		i.fresh <- n
	}
}

func (i *instances) node(id cluster.NodeID) cluster.Node { return i.board.Current().Nodes[id].Node }

// get opens node's instance. An empty data directory is worked on with programs
// of the primary's version: it is to become the primary's copy.
func (i *instances) get(id cluster.NodeID) (*host.Instance, error) {
	o := &i.open[id]
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.instance != nil {
		return o.instance, nil
	}
	if err := i.openNode(id, o); err != nil {
		return nil, fmt.Errorf("node %d: %w", id, err)
	}
	return o.instance, nil
}

// greet opens what is reached by ssh, so that a login that does not work is known
// before a failover needs it. It goes on, for nodes that are added, until ctx ends.
func (i *instances) greet(ctx context.Context, log hclog.Logger) {
	for {
		select {
		case n := <-i.fresh:
			i.try(n, log)
		case <-ctx.Done():
			return
		}
	}
}

func (i *instances) try(n cluster.Node, log hclog.Logger) {
	if n.Access != cluster.AccessSSH {
		return
	}
	if _, err := i.get(n.ID); err != nil {
		log.Warn("pgherd cannot work on a node's machine; see pgherd check --connect", "node", n.ID, "error", err)
	}
}

func (i *instances) openNode(id cluster.NodeID, o *opened) (err error) {
	if o.machine == nil {
		if o.machine, err = i.machines.of(int(id)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	bin, err := i.binaries(ctx, o.machine, id)
	if err != nil {
		return err
	}
	o.instance = host.Open(o.machine, i.node(id), bin)
	return nil
}

func (i *instances) binaries(ctx context.Context, m host.Machine, id cluster.NodeID) (string, error) {
	dir := i.node(id).DataDirectory
	there, err := m.Exists(dir + "/PG_VERSION")
	if err != nil {
		return "", err
	}
	if !there {
		if major, err := i.primaryMajor(); err == nil {
			return host.FindMajor(ctx, m, major)
		}
	}
	return host.FindBinaries(ctx, m, dir)
}

// primaryMajor is what the primary's own machine says.
func (i *instances) primaryMajor() (int, error) {
	primary := i.board.Current().Primary
	if primary == cluster.NoNode {
		return 0, errors.New("there is no primary")
	}
	m, err := i.machines.of(int(primary))
	if err != nil {
		return 0, err
	}
	return host.MajorVersion(m, i.node(primary).DataDirectory)
}

// The engines declare what they need of an instance themselves.

func (i *instances) forFailover(id cluster.NodeID) (failover.Instance, error) {
	in, err := i.get(id)
	if err != nil {
		return nil, err
	}
	return in, nil
}

func (i *instances) forRecovery(id cluster.NodeID) (recovery.Instance, error) {
	in, err := i.get(id)
	if err != nil {
		return nil, err
	}
	return in, nil
}
