package server

import (
	"math/rand/v2"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// session is what is kept for one client. It belongs to its shard's loop.
type session struct {
	id      uint64 // of all sessions since the start
	shard   *shard
	conn    *reactor.Conn
	handler func(*reactor.Task) // run, bound once
	turn    *turn               // while one runs
	closed  bool

	// Who it is.
	tls            *tlsFacts // nil in plain text
	profile        *Profile  // nil for a client of the console
	database, user string
	entered        bool   // has proved who it is
	counted        bool   // among the clients of its database and user
	key            uint32 // the process id by which it can be cancelled; 0 for none

	// What it has set, and what of that is in doubt.
	initial  pool.Settings // from the start-up packet
	settings pool.Settings // what the client has set since, too
	base     pool.Settings // what it was told of servers as such at login
	reported pool.Settings // what it knows of its server's parameters (ParameterStatus)
	doubt    doubt
	names    []string // of an extension's or the application's own settings, while in doubt

	// What it has prepared.
	prepared     map[string]prepared // by the client's name
	preparedSize int64               // of all of them
	privates     uint64              // how many it has prepared for itself only
	unnamed      unnamed
	large        bool       // statements that were not kept may be among them
	questions    *questions // nil while it has prepared none

	// Where its statements may go: what it has seen, and what follows from settings.
	route          routing.Session
	unobserved     bool               // it has seen something while there was one node only
	known          *catalog           // of its database; nil before it was needed
	redefines      bool               // the present transaction has outdated it
	defined        bool               // the present transaction may have made or changed tables
	onPrimary      bool               // its settings keep it there
	isolation      sqlparse.Isolation // of its transactions, unless BEGIN says otherwise
	nodesIsolation sqlparse.Isolation // the same, as the nodes have it
	readOnly       bool               // its transactions are, unless BEGIN says otherwise

	// The lease, and why it lasts.
	server *pool.Server  // nil without a lease
	epoch  cluster.Epoch // when its node was chosen
	role   cluster.Role  // of its node then
	pin    sqlparse.Pin  // why the lease outlives transactions
	tx     wire.TxStatus // as the client knows it
	wrote  bool          // in the present transaction
	orphan orphan
	block  block

	// Counters and timeouts.
	tally  *tally // of its database on its loop; never nil
	clock  clock
	beats  beats
	watch  *stopwatch  // nil while it has no timeouts
	doomed *wire.Error // why it is ended from outside of its turn, which says so

	canceled        bool          // while it waits in line
	canceledConsole chan struct{} // set for a client of the console
}

// prepared is a named statement of the client's.
type prepared struct {
	name      string
	statement pool.Statement
	facts     *sqlparse.Facts
	used      bool // by Bind or EXECUTE
	columns   int  // that the client knows of; 0 for no need to tell
}

// unnamed is the client's unnamed statement: it outlives the server it was
// parsed on.
type unnamed struct {
	body   []byte // of Parse, behind the empty name; nil when there is none
	facts  *sqlparse.Facts
	server *pool.Server // where it is parsed now

	streamed bool // its body was not kept: it is on that server or nowhere
}

func newSession(sh *shard, conn *reactor.Conn) *session {
	s := &session{shard: sh, conn: conn, id: sh.srv.ids.Add(1), tally: sh.tally(""), clock: clock{connected: sh.srv.now()},
		tx: wire.TxIdle, route: routing.NewSession(sh.srv.config().Consistency)}
	s.route.Luck = rand.Uint32()
	s.handler = s.run
	return s
}

// idle reports whether the session may end without breaking anything off.
func (s *session) idle() bool {
	return s.turn == nil && s.key != 0 && s.rests() && !s.inConsole() && !s.conn.Closed()
}

// rests reports whether the session is between transactions, or in one of which
// nothing is left.
func (s *session) rests() bool { return s.server == nil && !s.block.loose }

// unpinned reports whether the session has, or may have, nothing on its server that
// outlives a transaction and that another server could not be given.
func (s *session) unpinned() bool { return s.pin == sqlparse.PinNone && s.doubt == 0 }

// movable reports whether the session may go on with any other server: it is between
// transactions and has left nothing on this one.
func (s *session) movable() bool {
	return s.tx == wire.TxIdle && s.unpinned() && !s.keepsServer()
}

// run carries out one turn. It is the handler of the client's connection, and
// of the server's while the session keeps one between turns.
func (s *session) run(t *reactor.Task) {
	s.conn.Attach(t)
	if s.server != nil {
		s.server.Conn.Attach(t)
	}
	u := s.shard.turn(s, t)
	s.turn = u
	s.beats.turns++
	s.clock.asked = s.now()
	defer func() {
		s.turn = nil
		if s.closed || u.err != nil || u.running {
			s.end(u)
			return
		}
		s.shard.giveBack(u)
		s.park()
	}()
	u.running = true
	u.err = u.serve()
	u.running = false
}

// park waits for the next byte, without a coroutine.
func (s *session) park() {
	if s.shard.srv.draining.Load() && s.rests() {
		s.say(wire.AppendError(nil, errShutdown()))
		s.close()
		return
	}
	if s.server != nil {
		s.server.Conn.Idle(s.handler)
	}
	s.conn.Idle(s.handler)
}

// end closes the session for the reason that broke off its turn.
func (s *session) end(u *turn) {
	s.watch = nil
	s.dropKey() // the server's next session has the same process id
	if s.server != nil {
		s.server.Conn.Resume() // nobody does that behind our back
	}
	u.abandon()
	if e := fatal(u.err); e != nil && !s.closed && u.between() {
		s.say(wire.AppendError(nil, e))
	}
	if !u.running {
		u.recycle()
	}
	s.close()
	s.shard.giveBack(u)
}

// between writes what is there for the client and reports whether last words can
// follow: within a frame they would be taken for its contents.
func (u *turn) between() bool {
	blocked, err := u.flush()
	return err == nil && !blocked && u.relaying == 0
}

// say writes what fits to the client; it is for last words.
func (s *session) say(b []byte) { _, _ = s.conn.TryWrite(b) }

// close ends the session and whatever it holds.
func (s *session) close() {
	if s.closed {
		return
	}
	s.closed = true
	s.dropServer()
	s.conn.Close()
	s.forget()
}

// dropKey makes cancel requests for the session void.
func (s *session) dropKey() {
	s.shard.srv.cancels.remove(s.key)
	s.key = 0
}

// forget takes the session out of the books.
func (s *session) forget() {
	s.dropKey()
	delete(s.shard.sessions, s)
	if s.counted {
		s.shard.srv.headcount.leave(s.database, s.user)
	}
	if s.entered {
		s.shard.srv.entered.Add(-1)
	}
	s.shard.srv.clients.Add(-1)
}

// dropServer closes the leased connection; nobody else may use it.
func (s *session) dropServer() {
	if s.server != nil {
		s.server.Pool().Discard(s.server)
		s.server = nil
	}
	s.unnamed.server = nil
}
