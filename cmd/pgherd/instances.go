package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pgherd/pgherd/failover"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/recovery"
)

// instances opens the nodes' data directories when they are first needed, for
// a node may be reached by SQL alone, or not be there yet.
type instances struct {
	nodes []cluster.Node
	board *cluster.Board

	mu   sync.Mutex // guards open
	open map[cluster.NodeID]*host.Instance
}

func newInstances(nodes []cluster.Node, board *cluster.Board) *instances {
	return &instances{nodes: nodes, board: board, open: map[cluster.NodeID]*host.Instance{}}
}

// get opens node's instance. An empty data directory is worked on with the
// primary's binaries: it is to become the primary's copy.
func (i *instances) get(id cluster.NodeID) (*host.Instance, error) {
	node := i.nodes[id]
	if node.Access == cluster.AccessNone || node.DataDirectory == "" {
		return nil, fmt.Errorf("node %d has no access: set access and data_directory in its entry under nodes", id)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if in := i.open[id]; in != nil {
		return in, nil
	}
	m, err := host.Local(node.DataDirectory)
	if err != nil {
		return nil, fmt.Errorf("node %d: %w", id, err)
	}
	bin, err := i.binaries(m, node)
	if err != nil {
		return nil, fmt.Errorf("node %d: %w", id, err)
	}
	i.open[id] = host.Open(m, node, bin)
	return i.open[id], nil
}

func (i *instances) binaries(m host.Machine, node cluster.Node) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	there, err := m.Exists(node.DataDirectory + "/PG_VERSION")
	if err != nil {
		return "", err
	}
	dir := node.DataDirectory
	if primary := i.board.Current().Primary; !there && primary != cluster.NoNode && i.nodes[primary].DataDirectory != "" {
		dir = i.nodes[primary].DataDirectory
	}
	bin, err := host.FindBinaries(ctx, m, dir)
	return bin, err
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
