package main

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/admin"
	"github.com/pgherd/pgherd/failover"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/users"
	"github.com/pgherd/pgherd/recovery"
	"github.com/pgherd/pgherd/server"
)

// journalSize is how many events SHOW POOL_EVENTS remembers.
const journalSize = 1000

// app is every room, joined.
type app struct {
	log      hclog.Logger
	group    *reactor.Group
	reloads  reloads
	logs     *logFile // nil: the log is somebody else's
	users    *users.Directory
	console  *admin.Console
	asked    chan admin.ShutdownMode // SHUTDOWN was said; one slot
	board    *cluster.Board
	pools    *pool.Pools
	server   *server.Server
	failover *failover.Engine
	recovery *recovery.Engine
	hosts    *instances
	journal  *cluster.Journal
	lock     *cluster.Lock // of state_dir, for the life of the app
	manager  serviceManager
	certs    certificates
	lookup   *users.AuthQuery // nil without auth.query_user
}

// newApp joins the rooms and binds the ports; nothing runs yet. Its errors are
// those a person can mend: an address in use, a damaged state file, users_file.
func newApp(cfg *config.Config, log hclog.Logger) (*app, error) {
	lock, err := cluster.LockDir(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	a, err := joinRooms(cfg, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	a.lock = lock
	return a, nil
}

// joinRooms reads the files that the configuration names, and makes the rooms from the
// bottom up. Where a lower one calls an upper one, an adapter stands in until that is made.
func joinRooms(cfg *config.Config, log hclog.Logger) (*app, error) {
	access, err := loadAccess(cfg)
	if err != nil {
		return nil, err
	}
	own, err := openCertificates(cfg.TLS)
	if err != nil {
		return nil, err
	}
	store, err := cluster.OpenStore(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	group, err := reactor.NewGroup(loopsOf(cfg), ioMethod(cfg.IOMethod), server.Panicked(log, debug.Stack))
	if err != nil {
		return nil, err
	}
	a := &app{log: log, group: group, reloads: newReloads(cfg), users: access.users, asked: make(chan admin.ShutdownMode, 1),
		board: cluster.NewBoard(nodesOf(cfg), time.Now()), journal: cluster.NewJournal(journalSize), certs: own}
	a.hosts = newInstances(newMachines(cfg.Nodes), a.board)
	clients := &applications{}
	a.joinEngines(cfg, store, clients)
	a.joinServer(cfg, access)
	clients.Server = a.server
	if err := a.listen(cfg.Listen); err != nil {
		a.pools.Close()
		return nil, err
	}
	return a, nil
}

// joinEngines makes the pools and both engines.
func (a *app) joinEngines(cfg *config.Config, store *cluster.Store, clients *applications) {
	nodes, observer := nodesOf(cfg), &observer{}
	a.pools = pool.New(poolConfig(cfg, nodes, loopsOf(cfg), a.certs.nodes), a.users, observer, a.log.Named("pool"))
	a.failover = failover.New(failoverConfig(cfg, nodes), failover.Deps{
		Board: a.board, Store: store, Log: a.log, Instances: a.hosts.forFailover, Sessions: a.pools, Journal: a.journal})
	observer.engine = a.failover
	c := recoveryConfig(cfg)
	c.TablespaceMapping = a.hosts.machines.tablespaces
	c.Scripts.Clients = clients
	a.recovery = recovery.New(c, a.board, a.hosts.forRecovery, a.failover, a.log.Named("recovery"))
}

// joinServer makes the server and its console.
func (a *app) joinServer(cfg *config.Config, access *access) {
	console := &console{}
	a.lookup = access.ask(cfg.Auth, a.board, a.log.Named("auth"))
	a.server = server.New(serverConfig(cfg, access, a.board, a.certs.clients), a.group, a.users, a.board, a.pools, console, a.log.Named("server"))
	a.console = admin.New(admin.Deps{Board: a.board, Cluster: commander{a.failover, a.pools}, Recovery: recoverer{a.recovery, a.journal},
		Counters: a.server, Process: a, Traffic: a.server, Gates: a.server, Config: a.config,
		Admins: cfg.Console.AdminUsers, StatsUsers: cfg.Console.StatsUsers, Journal: a.journal, Version: version, Log: a.log.Named("console")})
	console.admin = a.console
}

func (a *app) listen(addresses []string) error {
	for _, address := range addresses {
		if err := a.server.Listen(address); err != nil {
			return err
		}
	}
	return nil
}

// Run serves until ctx ends, then lets sessions finish. The engines outlive the
// sessions, for these may wait for them.
func (a *app) Run(ctx context.Context) error {
	a.log.Info("event loops", "number", len(a.group.Loops()), "io_method", a.group.Method().String())
	for _, address := range a.server.Addresses() {
		a.log.Info("listening", "address", address)
	}
	engine, stopEngine := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var engineErr, serverErr error
	wg.Go(func() { engineErr = a.failover.Run(engine) })
	wg.Go(func() { a.hosts.greet(engine, a.log) })
	auto, stopAuto := context.WithCancel(ctx)
	wg.Go(func() { a.recovery.RunAuto(auto, recoverer{a.recovery, a.journal}.note) })
	served := make(chan struct{})
	wg.Go(func() {
		defer close(served)
		serverErr = a.server.Run()
	})
	a.told(a.manager.ready(a.serving()))
	drain, cancel, stopping := a.awaitStop(ctx, served)
	stopAuto()
	if stopping {
		a.log.Info("shutting down: sessions may finish")
		a.told(a.manager.ending("shutting down: sessions may finish"))
		a.server.Shutdown(drain)
		cancel()
	}
	<-served
	a.recovery.Close()
	stopEngine()
	wg.Wait()
	a.hosts.machines.close()
	a.pools.Close()
	if a.lookup != nil {
		a.lookup.Close()
	}
	if errors.Is(engineErr, context.Canceled) {
		engineErr = nil
	}
	return errors.Join(serverErr, engineErr, a.lock.Close())
}

// loopsOf is half of the processors: the other half is the nodes' and the
// clients', where these share the machine.
func loopsOf(cfg *config.Config) int {
	if cfg.Loops > 0 {
		return cfg.Loops
	}
	return max(1, runtime.NumCPU()/2)
}
