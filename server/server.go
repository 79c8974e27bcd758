package server

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/hba"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/users"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// Config is what the sessions need to know.
type Config struct {
	Auth             config.AuthType
	HBA              *hba.Rules // with config.AuthHBA
	Ident            *hba.Maps  // may be nil
	Mode             config.PoolMode
	MaxClients       int
	QueryWaitTimeout time.Duration                       // query_wait_timeout; 0 = none
	QueryWaitNotify  time.Duration                       // query_wait_notify; 0 = never
	LoginTimeout     time.Duration                       // client_login_timeout; 0 = a minute
	SuspendTimeout   time.Duration                       // suspend_timeout; 0 = none is waited for
	Profile          func(database, user string) Profile // pure; nil: Mode and QueryWaitTimeout are all
	TCP              reactor.TCP
	MaxPrepared      int   // prepared statements kept on each server connection
	MaxPreparedSize  int64 // bytes of a session's prepared statements; 0 = no limit
	Reset            Reset
	Consistency      config.Consistency // without Profile
	CatchupWait      time.Duration
	DeferBegin       bool // let the first statement of a transaction block choose its node
	Policy           routing.Policy
	Redirects        routing.Redirects
	Judge            *routing.Judge // nil: no lists
	Catalogs         CatalogReader  // nil: functions that are not built in count as writing
	RelcacheExpire   time.Duration  // relcache_expire; 0 = never
	ConsoleDatabases []string
	TLS              *certs.Clients // nil = clients are not encrypted
	SocketMode       fs.FileMode    // of Unix-domain sockets (unix_socket_mode)
	Admins           []string       // of the console: MaxClients does not keep them out

	AllowPlainPassword bool // let clients send passwords in clear without TLS
}

// Server accepts clients and runs their sessions.
type Server struct {
	// What New was given.
	current atomic.Pointer[Config] // replaced by Configure
	group   *reactor.Group
	users   *users.Directory
	board   *cluster.Board
	pools   *pool.Pools
	console Console
	log     hclog.Logger

	shards  []*shard // by loop
	started time.Time

	// Clients: who may log in, and who has.
	listeners []*listener
	accepting bool // touched by the first loop only
	draining  atomic.Bool
	suspended suspended
	gate      gate
	shortage  time.Time // when it was last logged that nobody can come in; the same
	clients   atomic.Int64
	entered   atomic.Int64 // of clients: those that have logged in
	headcount headcount
	cancels   cancels
	commands  atomic.Int64 // clients of the console that may command

	// What is known of statements.
	parser   *sqlparse.Parser
	parses   parses
	editions editions
	catalogs *catalogs

	// What has happened.
	seen      atomic.Pointer[cluster.Snapshot] // by boardChanged
	tracking  tracking
	lastWrite atomic.Int64                    // nanoseconds after started; 0 until tracking begins
	selects   [cluster.MaxNodes]atomic.Uint64 // by node
	ids       atomic.Uint64                   // of sessions
	periods   periods

	// What runs on goroutines of its own.
	replications replications
	consoles     sync.WaitGroup
	consoleCtx   context.Context
	stopConsoles context.CancelFunc
}

// New makes a server on the loops of a group. Listen and Run follow.
func New(c Config, group *reactor.Group, directory *users.Directory, board *cluster.Board, pools *pool.Pools, console Console, log hclog.Logger) *Server {
	s := &Server{users: directory, board: board, pools: pools, parser: sqlparse.New(20000), console: console, log: log,
		group: group, started: time.Now()}
	s.current.Store(&c)
	s.cancels.sessions = map[uint32]*entry{}
	s.catalogs = newCatalogs()
	s.consoleCtx, s.stopConsoles = context.WithCancel(context.Background())
	for _, l := range group.Loops() {
		s.shards = append(s.shards, newShard(s, l))
	}
	s.seen.Store(board.Current())
	board.Watch(s.boardChanged)
	return s
}

// boardChanged is called by the board's publishers: sessions that wait for a
// change go on, and those that hold a server of a node that went out of use, or
// is primary no longer, lose it now rather than when the network gives up.
func (s *Server) boardChanged() {
	now := s.board.Current()
	before := s.seen.Swap(now)
	for _, n := range now.Nodes {
		was := before.At(n.ID)
		if (was.Status.Serves() && !n.Status.Serves()) || (was.Role == cluster.Primary && n.Role != cluster.Primary) {
			s.retire(n.ID)
		}
	}
	if len(now.Nodes) > len(before.Nodes) { // nobody has noted writes while there was one
		s.wrote(time.Now())
	}
	for _, sh := range s.shards {
		sh.boardChanged()
	}
}

func (s *Server) retire(node cluster.NodeID) {
	s.pools.Retire(node)
	s.replications.sever(node)
	for _, sh := range s.shards {
		sh.loop.Post(func() { sh.sever(node) })
	}
}

// Panicked reports a panic in a session; pass it to reactor.NewGroup.
func Panicked(log hclog.Logger, stack func() []byte) func(any) {
	return func(r any) { log.Error("session panicked", "panic", fmt.Sprint(r), "stack", string(stack())) }
}

// Selects counts the reads sent to a node since the start.
func (s *Server) Selects(node cluster.NodeID) uint64 { return s.selects[node].Load() }

// Run serves clients until the group is stopped, by Shutdown or otherwise.
func (s *Server) Run() error {
	s.followListeners()
	ctx, stopCatalogs := context.WithCancel(context.Background())
	var catalogs sync.WaitGroup
	catalogs.Go(func() { s.readCatalogs(ctx) })
	stopPeriods := s.startPeriods()
	err := s.group.Run()
	stopPeriods()
	stopCatalogs()
	catalogs.Wait()
	s.stopConsoles()
	s.consoles.Wait()
	s.replications.close()
	s.closeListeners()
	return err
}

// Shutdown stops accepting, ends sessions as they fall idle, and stops the
// loops when all have gone. When ctx is done, those that are left are told, and
// what they run is cancelled.
func (s *Server) Shutdown(ctx context.Context) {
	s.draining.Store(true)
	s.unsuspend("") // sessions end by themselves
	s.StopAccepting()
	s.stopConsoles()
	s.replications.drain()
	for _, sh := range s.shards {
		sh.loop.Post(sh.drain)
	}
	if !s.deserted(ctx) {
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer stop()
		_, _ = s.kill(last, func(*session) bool { return true }) // those that can't be told are cut off
		s.deserted(last)
	}
	s.group.Stop()
}

// deserted waits until all clients have gone; false when ctx was done before.
func (s *Server) deserted(ctx context.Context) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.clients.Load() > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return s.clients.Load() == 0
}

func itoa(n int) string { return strconv.Itoa(n) }
