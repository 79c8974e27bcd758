package main

import (
	"context"
	"fmt"

	"github.com/pgherd/pgherd/internal/config"
)

// addNodes takes in what next has behind the nodes that there are. The rooms know a node
// before the board shows it, for everybody goes by that; its number is nobody else's if it
// is refused.
func (a *app) addNodes(next *config.Config) error {
	r := &a.reloads
	added := config.AddedNodes(r.started, next)
	if len(added) == 0 {
		return nil
	}
	cfg := next.InForce(r.started) // of tls, too, what is in force
	cfg.Nodes = next.Nodes
	nodes := nodesOf(cfg)
	a.pools.SetNodes(nodes, poolTLS(cfg, a.certs.nodes).Modes)
	a.hosts.machines.setNodes(cfg.Nodes)
	fresh := nodes[len(r.started.Nodes):]
	if err := a.failover.Join(context.Background(), fresh); err != nil {
		return fmt.Errorf("nodes: %s was not added: %w", added[0].Address(), err)
	}
	a.hosts.add(fresh)
	started := *r.started
	started.Nodes = next.Nodes
	r.started = &started
	return nil
}
