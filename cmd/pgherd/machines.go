package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/host"
)

// machines leads to the nodes' machines. Connections of ssh are shared, by
// sockets in a directory of its own.
type machines struct {
	mu      sync.Mutex // guards what follows
	nodes   []config.Node
	sockets string
	remotes map[int]*host.Remote // by node
}

func newMachines(nodes []config.Node) *machines {
	return &machines{nodes: nodes, remotes: map[int]*host.Remote{}}
}

// of opens the machine of node id; nothing is connected yet.
func (m *machines) of(id int) (host.Machine, error) {
	n := m.node(id)
	switch {
	case n.Access == config.AccessLocal && n.DataDirectory != "":
		return host.Local(n.DataDirectory)
	case n.Access == config.AccessSSH && n.DataDirectory != "":
		return m.remote(id, n.SSH)
	}
	if n.Access == config.AccessSQL {
		return nil, errors.New("its access is sql: only functions and scripts of the servers work on it")
	}
	return nil, errors.New("it has no access: set access and data_directory in its entry under nodes")
}

func (m *machines) node(id int) config.Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.nodes[id]
}

func (m *machines) tablespaces(id cluster.NodeID) map[string]string {
	return m.node(int(id)).Tablespaces()
}

// setNodes takes over a list that has grown.
func (m *machines) setNodes(nodes []config.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes = nodes
}

func (m *machines) remote(id int, s config.SSH) (host.Machine, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.remotes[id]; r != nil {
		return r, nil
	}
	if m.sockets == "" {
		dir, err := os.MkdirTemp("", "pgherd-ssh-")
		if err != nil {
			return nil, fmt.Errorf("a directory for sockets of ssh: %w", err)
		}
		m.sockets = dir
	}
	r, err := host.Over(host.SSH{User: s.User, Host: s.Host, Port: s.Port, IdentityFile: s.IdentityFile, KnownHostsFile: s.KnownHostsFile,
		Options: s.Options, ConnectTimeout: s.ConnectTimeout, Socket: filepath.Join(m.sockets, strconv.Itoa(id))})
	if err != nil {
		return nil, err
	}
	m.remotes[id] = r
	return r, nil
}

// close ends the connections. Nothing may use a machine any more.
func (m *machines) close() {
	var wait sync.WaitGroup
	for _, r := range m.remotes {
		wait.Go(r.Close)
	}
	wait.Wait()
	if m.sockets != "" {
		_ = os.RemoveAll(m.sockets) // in the temporary directory
	}
}
