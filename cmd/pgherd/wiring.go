package main

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/pgherd/pgherd/failover"
	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/recovery"
	"github.com/pgherd/pgherd/server"
)

// Here the configuration file's sections become the rooms' own configurations.

func nodesOf(cfg *config.Config) []cluster.Node {
	nodes := make([]cluster.Node, len(cfg.Nodes))
	for i, n := range cfg.Nodes {
		nodes[i] = cluster.Node{ID: cluster.NodeID(i), Name: n.ApplicationName, Host: n.Host, Port: n.Port,
			DataDirectory: n.DataDirectory, Weight: n.Weight, SSL: sslOf(cfg.TLS, n)}
		if n.Access == config.AccessLocal {
			nodes[i].Access = cluster.AccessLocal
		}
	}
	return nodes
}

func monitorOf(cfg *config.Config) cluster.Credentials {
	return cluster.Credentials{User: cfg.Monitor.User, Password: cfg.Monitor.Password.Reveal(), Database: cfg.Monitor.Database}
}

func ioMethod(m config.IOMethod) reactor.Method {
	return map[config.IOMethod]reactor.Method{config.IOURing: reactor.IOUring, config.IOEpoll: reactor.Epoll}[m]
}

func poolConfig(cfg *config.Config, nodes []cluster.Node, loops int, own *certs.Nodes) pool.Config {
	return pool.Config{Nodes: nodes, Size: cfg.Pool.Size, ConnectTimeout: cfg.Pool.ServerConnectTimeout,
		IdleTimeout: cfg.Pool.ServerIdleTimeout, Loops: loops, TLS: poolTLS(cfg, own),
		AllowPlainPassword: cfg.Auth.AllowPlainPassword}
}

func serverConfig(cfg *config.Config, access *access, own *certs.Clients) server.Config {
	databases := []string{cfg.Console.Database}
	if !slices.Contains(databases, "pgbouncer") {
		databases = append(databases, "pgbouncer") // so that its users find their console
	}
	return server.Config{Auth: cfg.Auth.Type, HBA: access.hba, Ident: access.ident,
		AllowPlainPassword: cfg.Auth.AllowPlainPassword, Mode: cfg.Pool.Mode, MaxClients: cfg.Pool.MaxClients,
		QueryWaitTimeout: cfg.Pool.QueryWaitTimeout, MaxPrepared: cfg.Pool.MaxPreparedStatements,
		Consistency: cfg.Consistency, CatchupWait: cfg.Routing.CatchupWait, ConsoleDatabases: databases,
		TLS: own, SocketMode: fs.FileMode(cfg.SocketMode)}
}

func failoverConfig(cfg *config.Config, nodes []cluster.Node) failover.Config {
	h := cfg.HealthCheck
	return failover.Config{Nodes: nodes, Monitor: monitorOf(cfg), Auto: cfg.Failover.Auto,
		HealthCheck:       failover.HealthCheck{Period: h.Period, Timeout: h.Timeout, MaxRetries: h.MaxRetries, RetryDelay: h.RetryDelay},
		SwitchoverTimeout: cfg.Failover.SwitchoverTimeout, CatchupTimeout: cfg.Failover.CatchupTimeout}
}

func recoveryConfig(cfg *config.Config, nodes []cluster.Node) recovery.Config {
	r := recovery.Config{Nodes: nodes, Monitor: monitorOf(cfg), Timeout: cfg.Recovery.Timeout, KeepOld: cfg.Recovery.KeepOld}
	if cfg.Recovery.MaxRate > 0 {
		r.MaxRate = fmt.Sprintf("%dk", int64(cfg.Recovery.MaxRate)/1024)
	}
	return r
}
