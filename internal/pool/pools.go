package pool

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
)

// Config is what the pools need to know. Loops stays as it is, and Nodes but for SetNodes.
type Config struct {
	Nodes          []cluster.Node
	Size           int              // connections for each Key (PgBouncer default_pool_size)
	Limits         func(Key) Limits // pure; nil: Size is all
	ConnectTimeout time.Duration    // for TCP and login together (server_connect_timeout)
	IdleTimeout    time.Duration    // server_idle_timeout; 0 = never
	LoginRetry     time.Duration    // server_login_retry
	TCP            reactor.TCP
	Loops          int
	TLS            TLS

	AllowPlainPassword bool // send a password in clear over a connection without TLS
}

func (c *Config) limitsOf(k Key) Limits {
	if c.Limits == nil {
		return Limits{Size: c.Size}
	}
	return c.Limits(k)
}

// Observer is told what the pools notice of a node. It must not block.
type Observer interface {
	Suspect(node cluster.NodeID, err error)
}

// Pools is all pools.
type Pools struct {
	current  atomic.Pointer[Config]
	secrets  Secrets
	observer Observer
	log      hclog.Logger
	ctx      context.Context // of dials and cancels
	stop     context.CancelFunc
	work     sync.WaitGroup
	ticks    atomic.Uint32 // seconds, roughly
	ids      atomic.Uint64 // of servers
	derived  keyCache
	ledger   ledger

	gates sync.Mutex // held while pausing or resuming: what was said last applies to every pool

	mu         sync.RWMutex // guards what follows
	pools      map[Key]*Pool
	complaints map[Key]complaint
	most       int             // pools, until those that nobody uses are looked for
	paused     map[string]bool // databases; "" is all of them
	holds      int             // Hold less Release

	welcomeMu sync.RWMutex
	welcomes  map[database]map[string]string
}

type database struct{ name, user string }

// New makes the pools and starts their reaper; Close ends it.
func New(c Config, secrets Secrets, observer Observer, log hclog.Logger) *Pools {
	ctx, stop := context.WithCancel(context.Background())
	p := &Pools{secrets: secrets, observer: observer, log: log, ctx: ctx, stop: stop,
		pools: map[Key]*Pool{}, complaints: map[Key]complaint{}, welcomes: map[database]map[string]string{}}
	p.ledger.open, p.paused, p.most = map[share]int{}, map[string]bool{}, manyPools
	p.current.Store(&c)
	p.work.Go(p.reap)
	return p
}

func (p *Pools) config() *Config { return p.current.Load() }

// SetNodes has the pools know nodes that have been added, and how each is encrypted. It is
// not called while Configure is.
func (p *Pools) SetNodes(nodes []cluster.Node, modes []certs.Mode) {
	c := *p.config()
	c.Nodes, c.TLS.Modes = nodes, modes
	p.mu.Lock()
	p.current.Store(&c)
	p.mu.Unlock()
}

// Configure takes a new configuration over, but for Nodes, Loops and TLS. What is
// open stays open as far as the new limits allow; refused logins are tried again.
func (p *Pools) Configure(c Config) {
	c.Nodes, c.Loops, c.TLS = p.config().Nodes, p.config().Loops, p.config().TLS
	p.mu.Lock() // no pool is made meanwhile
	p.current.Store(&c)
	p.mu.Unlock()
	for _, pool := range p.all() {
		pool.setLimits(c.limitsOf(pool.key))
	}
}

// all is every pool there is.
func (p *Pools) all() []*Pool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(maps.Values(p.pools))
}

// Close stops dialling and waits for what is under way. Connections are closed
// by their loops.
func (p *Pools) Close() {
	p.stop()
	p.work.Wait()
}

// Pool finds or makes the pool of a key.
func (p *Pools) Pool(k Key) *Pool {
	p.mu.RLock()
	pool := p.pools[k]
	p.mu.RUnlock()
	if pool != nil {
		return pool
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pools[k] == nil {
		p.boundLocked()
		p.pools[k] = p.newPool(k)
	}
	return p.pools[k]
}

func (p *Pools) newPool(k Key) *Pool {
	c := p.config()
	pool := &Pool{key: k, limits: c.limitsOf(k), tick: p.ticks.Load, ledger: &p.ledger, makeRoom: p.makeRoom, lost: p.Report,
		asked: p.ticks.Load(), idle: make([][]*Server, c.Loops), paused: p.pausedLocked(k.Database)}
	pool.dial = func(l *reactor.Loop) {
		generation := pool.generation
		p.work.Go(func() { p.connect(pool, l, generation) })
	}
	return pool
}

// connect makes one connection, on a goroutine of its own.
func (p *Pools) connect(pool *Pool, l *reactor.Loop, generation int) {
	ctx, cancel := context.WithTimeout(p.ctx, p.config().ConnectTimeout)
	defer cancel()
	in, err := p.login(ctx, pool.key)
	if err != nil {
		p.complain(pool.key, err)
		p.suspect(pool.key.Node, err)
	}
	if !l.Post(func() { p.land(pool, l, in, generation, err) }) && in != nil {
		in.close()
	}
}

// complain logs a failure to connect, but the same one only once a second: while
// a node is away, every session tries.
func (p *Pools) complain(k Key, err error) {
	text, tick := err.Error(), p.ticks.Load()
	p.mu.Lock()
	last := p.complaints[k]
	p.complaints[k] = complaint{text, tick}
	p.mu.Unlock()
	if last.text != text || last.tick != tick {
		p.log.Warn("cannot connect to node", "node", k.Node, "database", k.Database, "user", k.User, "error", err)
	}
}

// complaint is what was logged last about a pool.
type complaint struct {
	text string
	tick uint32
}

// land brings a new connection into the reactor.
func (p *Pools) land(pool *Pool, l *reactor.Loop, in *login, generation int, err error) {
	if err != nil {
		pool.dialed(l, nil, generation, err, p.config().LoginRetry)
		return
	}
	conn, err := in.link.join(l, in.fd)
	if err != nil {
		pool.dialed(l, nil, generation, err, p.config().LoginRetry)
		return
	}
	p.setWelcome(pool.key, in.params)
	pool.dialed(l, newServer(pool, p.ids.Add(1), conn, in), generation, nil, 0)
}

func (p *Pools) suspect(node cluster.NodeID, err error) {
	if p.ctx.Err() == nil && unreachable(err) && !cluster.Shortage(err) {
		p.observer.Suspect(node, err)
	}
}

// Report tells the observer that a connection has ended by itself: by an I/O
// error, or by the server's last words.
func (p *Pools) Report(s *Server, err error) {
	p.log.Warn("lost a server connection", "node", s.Key.Node, "pid", s.PID, "error", err)
	p.suspect(s.Key.Node, err)
}

// Welcome is what a server of this database told this user's connection about
// its parameters (ParameterStatus), and DefaultIsolation; nil before the first. It
// must not be changed.
func (p *Pools) Welcome(dbname, user string) map[string]string {
	p.welcomeMu.RLock()
	defer p.welcomeMu.RUnlock()
	return p.welcomes[database{dbname, user}]
}

func (p *Pools) setWelcome(k Key, params map[string]string) {
	p.welcomeMu.Lock()
	defer p.welcomeMu.Unlock()
	p.welcomes[database{k.Database, k.User}] = params
}

// each calls f with the pools of a node.
func (p *Pools) each(node cluster.NodeID, f func(*Pool)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for k, pool := range p.pools {
		if k.Node == node {
			f(pool)
		}
	}
}

// Retire ends the use of all connections to a node: idle ones now, leased ones
// when they come back. Waiters get ErrRetired.
func (p *Pools) Retire(node cluster.NodeID) { p.each(node, (*Pool).retire) }

// Quiesce waits until no connection to a node is leased.
func (p *Pools) Quiesce(ctx context.Context, node cluster.NodeID) error {
	var all []*Pool
	p.each(node, func(pool *Pool) { all = append(all, pool) })
	return awaitAll(ctx, all, (*Pool).quietLocked)
}

// awaitAll waits until each of the pools has been in that state.
func awaitAll(ctx context.Context, pools []*Pool, over func(*Pool) bool) error {
	for _, pool := range pools {
		select {
		case <-pool.await(over):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p *Pools) reap() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
			p.reapOnce(p.ticks.Add(1))
		}
	}
}

// reapOnce looks after every pool. Connections that were last used longer ago
// than server_idle_timeout are closed, and pools that nobody uses forgotten.
func (p *Pools) reapOnce(now uint32) {
	before := uint32(0)
	if limit := uint32(p.config().IdleTimeout / time.Second); limit > 0 && now > limit {
		before = now - limit
	}
	for _, pool := range p.all() {
		pool.tend(before)
	}
	p.sweep()
}
