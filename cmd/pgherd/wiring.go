package main

import (
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/pgherd/pgherd/failover"
	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/recovery"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/server"
)

// Here the configuration file's sections become the rooms' own configurations.

const _ uint = cluster.MaxNodes - config.MaxNodes // there is room for all that the file may have

func nodesOf(cfg *config.Config) []cluster.Node {
	nodes := make([]cluster.Node, len(cfg.Nodes))
	for i, n := range cfg.Nodes {
		nodes[i] = cluster.Node{ID: cluster.NodeID(i), Name: n.ApplicationName, Host: n.Host, Port: n.Port,
			DataDirectory: n.DataDirectory, Weight: n.Weight, SSL: sslOf(cfg.TLS, n), Flag: cluster.Flag(n.Flag), Access: cluster.Access(n.Access)}
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
	return pool.Config{Nodes: nodes, Limits: func(k pool.Key) pool.Limits { return limitsOf(cfg, k) },
		ConnectTimeout: cfg.Pool.ServerConnectTimeout, IdleTimeout: cfg.Pool.ServerIdleTimeout,
		LoginRetry: cfg.Pool.ServerLoginRetry, TCP: tcpOf(cfg), Loops: loops, TLS: poolTLS(cfg, own),
		AllowPlainPassword: cfg.Auth.AllowPlainPassword}
}

// limitsOf is what applies to a pool, whose user is the one who logs in to the node.
func limitsOf(cfg *config.Config, k pool.Key) pool.Limits {
	scope := cfg.Scope(k.Database, k.User)
	p, d := scope.Effective(), scope.Database
	l := pool.Limits{Size: p.Size, MinSize: p.MinSize, ReserveSize: p.ReserveSize, ReserveTimeout: p.ReserveTimeout,
		MaxDatabase: p.MaxDBConnections, MaxUser: p.MaxUserConnections, Lifetime: p.ServerLifetime,
		CheckQuery: p.CheckQuery(), CheckDelay: p.ServerCheckDelay,
		Login: pool.Login{Database: d.DBName, Query: d.ConnectQuery}}
	if d.User == k.User {
		l.Login.Password = d.Password.Reveal()
	}
	for _, param := range [][2]string{{"client_encoding", d.ClientEncoding}, {"datestyle", d.DateStyle},
		{"timezone", d.TimeZone}, {"application_name", d.ApplicationName}} {
		if param[1] != "" {
			l.Login.Params = append(l.Login.Params, param[0], param[1])
		}
	}
	return l
}

func tcpOf(cfg *config.Config) reactor.TCP {
	t := cfg.TCP
	return reactor.TCP{KeepAlive: t.KeepAlive, KeepIdle: t.KeepIdle, KeepIntvl: t.KeepIntvl, KeepCnt: t.KeepCnt, UserTimeout: t.UserTimeout}
}

// profileOf is what applies to the sessions of a user on a database.
func profileOf(cfg *config.Config, database, user string) server.Profile {
	scope := cfg.Scope(database, user)
	p := scope.Effective()
	return server.Profile{Mode: p.Mode, User: scope.Database.User, Database: scope.Database.DBName, Consistency: scope.Consistency(),
		MaxDatabaseClients: p.MaxDBClientConnections, MaxUserClients: p.MaxUserClientConnections,
		QueryWaitTimeout: p.QueryWaitTimeout, QueryTimeout: p.QueryTimeout, TransactionTimeout: p.TransactionTimeout,
		IdleTransactionTimeout: p.IdleTransactionTimeout, ClientIdleTimeout: p.ClientIdleTimeout}
}

// judgeOf takes the lists over; config.Load has tried the patterns.
func judgeOf(r config.Routing) *routing.Judge {
	lists := routing.Lists{NoComments: !r.AllowSQLComments}
	lists.ReadOnly, _ = config.Patterns(r.ReadOnlyFunctions)
	lists.Write, _ = config.Patterns(r.WriteFunctions)
	lists.Primary, _ = config.Patterns(r.PrimaryQueries)
	return routing.NewJudge(lists)
}

func serverConfig(cfg *config.Config, access *access, board *cluster.Board, own *certs.Clients) server.Config {
	databases := []string{cfg.Console.Database}
	if !slices.Contains(databases, "pgbouncer") {
		databases = append(databases, "pgbouncer") // so that its users find their console
	}
	return server.Config{Auth: cfg.Auth.Type, HBA: access.hba, Ident: access.ident,
		AllowPlainPassword: cfg.Auth.AllowPlainPassword, MaxClients: cfg.Pool.MaxClients,
		Profile:         func(database, user string) server.Profile { return profileOf(cfg, database, user) },
		QueryWaitNotify: cfg.Pool.QueryWaitNotify, LoginTimeout: cfg.Pool.ClientLoginTimeout, SuspendTimeout: cfg.Pool.SuspendTimeout, TCP: tcpOf(cfg),
		Reset:       server.Reset{Query: cfg.Pool.ServerResetQuery, Always: cfg.Pool.ServerResetQueryAlways},
		MaxPrepared: cfg.Pool.MaxPreparedStatements, MaxPreparedSize: int64(cfg.Pool.MaxPreparedSize),
		CatchupWait: cfg.Routing.CatchupWait,
		Policy:      routing.PolicyOf(cfg.Routing), Redirects: routing.RedirectsOf(cfg.Routing, len(cfg.Nodes)),
		Judge: judgeOf(cfg.Routing), Catalogs: server.CatalogQuery{As: monitorOf(cfg), Board: board, Unlogged: cfg.Routing.CheckUnloggedTable},
		RelcacheExpire:   cfg.Routing.RelcacheExpire,
		DeferBegin:       cfg.Routing.DeferBegin,
		ConsoleDatabases: databases, Admins: cfg.Console.AdminUsers, TLS: own, SocketMode: fs.FileMode(cfg.SocketMode)}
}

func failoverConfig(cfg *config.Config, nodes []cluster.Node) failover.Config {
	h, f := cfg.HealthCheck, cfg.Failover
	return failover.Config{Nodes: nodes, Monitor: monitorOf(cfg), Functions: scriptsOf(cfg).Credentials, Auto: cfg.Failover.Auto,
		HealthCheck:     failover.HealthCheck{Period: h.Period, Timeout: h.Timeout, MaxRetries: h.MaxRetries, RetryDelay: h.RetryDelay},
		FailoverTimeout: f.Timeout, SwitchoverTimeout: f.SwitchoverTimeout, CatchupTimeout: f.CatchupTimeout,
		ManualFailback: !f.AutoFailback, FailbackInterval: f.AutoFailbackInterval, KeepFalsePrimary: !f.DetachFalsePrimary,
		Hooks: failover.Hooks{Failover: f.FailoverCommand, Failback: f.FailbackCommand,
			FollowPrimary: f.FollowPrimaryCommand, Timeout: f.CommandTimeout}}
}

func recoveryConfig(cfg *config.Config) recovery.Config {
	r := cfg.Recovery
	return recovery.Config{Monitor: monitorOf(cfg), Timeout: r.Timeout, KeepOld: r.KeepOld, MaxRate: rateOf(r.MaxRate),
		ArchiveDir: r.ArchiveDir, Auto: autoOf(cfg.Failover.AutoRecover), Scripts: scriptsOf(cfg)}
}

func autoOf(a config.AutoRecover) recovery.Procedure {
	return map[config.AutoRecover]recovery.Procedure{config.AutoRecoverFollow: recovery.Follow,
		config.AutoRecoverRewind: recovery.Rewind, config.AutoRecoverRebuild: recovery.Rebuild}[a]
}

// scriptsOf is without the clients, who are not there yet.
func scriptsOf(cfg *config.Config) recovery.Scripts {
	r := cfg.Recovery
	who := cluster.Credentials{User: r.User, Password: r.Password.Reveal(), Database: r.Database}
	if who.User == "" {
		who.User, who.Password = cfg.Monitor.User, cfg.Monitor.Password.Reveal()
	}
	return recovery.Scripts{Credentials: who, FirstStage: r.FirstStage, SecondStage: r.SecondStage,
		IdleLimit: time.Duration(r.ClientIdleLimit) * time.Second}
}

// rateOf is a number of bytes per second as pg_basebackup takes it; "" for no limit.
func rateOf(bytes config.Size) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%dk", int64(bytes)/1024)
}
