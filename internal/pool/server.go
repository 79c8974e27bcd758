package pool

import (
	"maps"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/report"
)

// state says where a Server is. It is guarded by its pool's mutex.
type state int

const (
	idle      state = iota // in the pool's list
	leased                 // held by a session
	held                   // returned while a cancel request for it is under way
	abandoned              // closed, or about to be
)

// Server is one connection to PostgreSQL. While it is leased, its fields are
// the holder's; Conn, PID and Key never change.
type Server struct {
	Conn *reactor.Conn
	ID   uint64 // of all connections since the start
	Key  Key
	PID  uint32

	Settings   Settings   // what has been SET on it
	Base       Settings   // what it reported at login (ParameterStatus), but for in_hot_standby
	Reported   Settings   // what it has reported last
	Statements Statements // what has been prepared on it

	pool      *Pool
	secret    []byte              // for cancel requests
	watcher   func(*reactor.Task) // watch, bound once
	connected time.Time
	localHost string // of our side; "" for a Unix-domain socket
	localPort int
	expires   uint32 // tick from which it is too old; 0 = never

	state      state  // guarded by pool.mu, as what follows
	generation int    // older than the pool's: do not use again
	returned   uint32 // the reaper's tick at the last release
	cancels    int    // cancel requests: one under way, another to follow
	leases     uint64 // how often it was taken
}

// Node is the node that the connection leads to.
func (s *Server) Node() cluster.NodeID { return s.Key.Node }

// Pool is where the connection came from and goes back to.
func (s *Server) Pool() *Pool { return s.pool }

// expired reports whether s has reached its server_lifetime.
func (s *Server) expired(now uint32) bool { return s.expires != 0 && now >= s.expires }

// newServer makes a connection in good order known to its pool.
func newServer(p *Pool, id uint64, conn *reactor.Conn, in *login) *Server {
	s := &Server{Conn: conn, ID: id, Key: p.key, PID: in.pid, pool: p, secret: in.secret, connected: time.Now()}
	s.localHost, s.localPort = report.HostPort(conn.LocalAddr())
	s.Base = Reported(in.params)
	s.Reported = s.Base
	s.watcher = s.watch
	return s
}

// Reported is what a server reports of its parameters (ParameterStatus), but for the
// one that tells of the node rather than of the session, and DefaultIsolation.
func Reported(params map[string]string) Settings {
	params = maps.Clone(params)
	delete(params, "in_hot_standby")
	delete(params, DefaultIsolation)
	return NewSettings(params)
}

// watch is the handler of an idle connection: a server that speaks unasked is
// about to close, and would desynchronise whoever took it next.
func (s *Server) watch(*reactor.Task) {
	if !s.pool.withdraw(s) {
		return
	}
	var b [1]byte
	if n, err := s.Conn.TryRead(b[:]); n > 0 || err != nil {
		s.pool.Discard(s)
		return
	}
	s.pool.Release(s)
}
