package pool

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// fake plays a node: it lets everybody in, and does what the test says.
type fake struct {
	listener net.Listener
	cancel   chan struct{} // a cancel request waits for it to be closed
	wg       sync.WaitGroup

	mu      sync.Mutex // guards what follows
	refuse  *wire.Error
	ends    *wire.Error   // said right behind ReadyForQuery
	hold    chan struct{} // a login waits for it to be closed, when set
	conns   []net.Conn
	logins  int
	cancels int
	checks  int    // queries of ";"
	answer  []byte // to them, in front of ReadyForQuery
}

func newFake(t *testing.T) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{listener: ln, cancel: make(chan struct{})}
	f.wg.Go(f.accept)
	t.Cleanup(func() {
		ln.Close()
		f.breakAll()
		f.wg.Wait()
	})
	return f
}

func (f *fake) accept() {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns = append(f.conns, c)
		f.mu.Unlock()
		f.wg.Go(func() { f.serve(c) })
	}
}

func (f *fake) serve(c net.Conn) {
	defer c.Close()
	packet := make([]byte, 1024)
	n, _ := c.Read(packet)
	if n < 8 {
		return
	}
	if s, _ := wire.ParseStartup(packet[:n]); s.Code == wire.CancelRequest {
		f.mu.Lock()
		f.cancels++
		f.mu.Unlock()
		<-f.cancel
		return
	}
	f.mu.Lock()
	f.logins++
	refuse, hold, ends := f.refuse, f.hold, f.ends
	f.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if refuse != nil {
		_, _ = c.Write(wire.AppendError(nil, refuse))
		return
	}
	b := wire.AppendAuth(nil, wire.AuthOK, "")
	b = wire.AppendKeyData(b, uint32(n), []byte("1234"))
	b = wire.AppendReady(b, wire.TxIdle)
	if ends != nil {
		_, _ = c.Write(wire.AppendError(b, ends))
		return
	}
	_, _ = c.Write(b)
	for { // what a new connection is asked, and one that was idle
		n, err := c.Read(packet)
		if err != nil {
			return
		}
		var answer []byte
		if bytes.HasPrefix(packet[:n], wire.AppendQuery(nil, ";")) {
			f.mu.Lock()
			f.checks++
			answer = append(answer, f.answer...)
			f.mu.Unlock()
		}
		_, _ = c.Write(wire.AppendReady(answer, wire.TxIdle))
	}
}

// breakAll ends all connections.
func (f *fake) breakAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}

func (f *fake) count(what *int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *what
}

func (f *fake) set(refuse *wire.Error, hold chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.hold = refuse, hold
}

func (f *fake) endAtOnce(e *wire.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ends = e
}

type noSecrets struct{}

func (noSecrets) ServerSecret(string) (string, bool) { return "", false }
func (noSecrets) ServerKeys(string, []byte, int) (wire.ClientKeys, bool) {
	return wire.ClientKeys{}, false
}

type observer struct{ suspected chan error }

func (o observer) Suspect(_ cluster.NodeID, err error) {
	select {
	case o.suspected <- err:
	default:
	}
}

// bench is pools in front of a fake node, and loops to use them from.
type bench struct {
	*testing.T
	node  *fake
	group *reactor.Group
	pools *Pools
	pool  *Pool
}

func newBench(t *testing.T, size, loops int) *bench {
	t.Helper()
	b := &bench{T: t, node: newFake(t)}
	group, err := reactor.NewGroup(loops, reactor.Auto, func(p any) { t.Error(p) })
	if err != nil {
		t.Fatal(err)
	}
	addr := b.node.listener.Addr().(*net.TCPAddr)
	b.group = group
	b.pools = New(Config{Nodes: []cluster.Node{{Host: "127.0.0.1", Port: addr.Port}}, Size: size,
		ConnectTimeout: 30 * time.Second, IdleTimeout: time.Minute, Loops: loops}, noSecrets{}, observer{make(chan error, 10)}, hclog.NewNullLogger())
	b.pool = b.pools.Pool(Key{0, "db", "u"})
	done := make(chan error, 1)
	go func() { done <- group.Run() }()
	t.Cleanup(func() {
		group.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.pools.Close()
	})
	return b
}

// client is a task that takes a server, and gives it back when told to.
type client struct {
	loop  *reactor.Loop
	got   chan result
	task  *reactor.Task
	leave bool
}

type result struct {
	server *Server
	err    error
}

// want starts a client on a loop; it returns when the client is in line or served.
func (b *bench) want(loop int) *client { return b.wantOf(b.pool, loop) }

func (b *bench) wantOf(p *Pool, loop int) *client {
	c := &client{loop: b.group.Loops()[loop], got: make(chan result, 1)}
	lined := make(chan struct{})
	c.loop.Post(func() { c.loop.Go(func(t *reactor.Task) { c.run(p, t, lined) }) })
	<-lined
	return c
}

func (c *client) run(p *Pool, t *reactor.Task, lined chan struct{}) {
	c.task = t
	if s := p.Take(t.Loop()); s != nil {
		close(lined)
		c.got <- result{s, nil}
		return
	}
	w := p.Join(t)
	close(lined)
	for !w.Done() && !c.leave {
		t.Wait(time.Time{})
	}
	if c.leave {
		w.Cancel()
		c.got <- result{}
		return
	}
	s, err := w.Server()
	c.got <- result{s, err}
}

// giveUp has a waiting client leave the line.
func (c *client) giveUp() {
	c.loop.Post(func() {
		c.leave = true
		c.task.Wake()
	})
}

func (b *bench) server(c *client) *Server {
	b.Helper()
	select {
	case r := <-c.got:
		if r.err != nil || r.server == nil {
			b.Fatalf("got %v, %v", r.server, r.err)
		}
		return r.server
	case <-time.After(30 * time.Second):
		b.Fatal("no server came")
		return nil
	}
}

func (b *bench) err(c *client) error {
	b.Helper()
	select {
	case r := <-c.got:
		return r.err
	case <-time.After(30 * time.Second):
		b.Fatal("no answer came")
		return nil
	}
}

func (b *bench) waits(c *client) {
	b.Helper()
	select {
	case r := <-c.got:
		b.Fatalf("got %v, %v instead of waiting", r.server, r.err)
	case <-time.After(20 * time.Millisecond):
	}
}

// on runs f on a loop and waits for it.
func (b *bench) on(l *reactor.Loop, f func()) {
	done := make(chan struct{})
	l.Post(func() {
		f()
		close(done)
	})
	<-done
}

// release returns when the loop has also looked at what may be left to read.
func (b *bench) release(s *Server) {
	l := s.Conn.Loop()
	b.on(l, func() { s.Pool().Release(s) })
	b.on(l, func() {})
}

func (b *bench) discard(s *Server) { b.on(s.Conn.Loop(), func() { b.pool.Discard(s) }) }

func (b *bench) await(what string, cond func() bool) {
	b.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("still waiting for %s", what)
		}
	}
}

// counts are the pool's own books.
func (b *bench) counts() (open, leased, idle, waiters int) { return countsOf(b.pool) }

func countsOf(p *Pool) (open, leased, idle, waiters int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.idle {
		idle += len(list)
	}
	return p.open, p.leased, idle, len(p.waiters)
}
