package server

import (
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// shard is what the sessions of one loop share.
type shard struct {
	srv      *Server
	loop     *reactor.Loop
	sessions map[*session]struct{}
	logins   logins
	turns    []*turn // free
	decisions
	tallies map[string]*tally
	works   works

	sweeper    *reactor.Task // looks after timeouts; nil while nobody has one
	sweepEvery time.Duration

	watching  []*reactor.Task // wait for the board to change
	watchers  atomic.Int32    // len(watching), for other goroutines
	onChanged func()
}

func newShard(srv *Server, l *reactor.Loop) *shard {
	sh := &shard{srv: srv, loop: l, sessions: map[*session]struct{}{}, decisions: make(decisions, cluster.MaxNodes), tallies: map[string]*tally{},
		works: make(works, cluster.MaxNodes)}
	sh.onChanged = sh.wakeWatchers
	return sh
}

// adopt starts a session for a new client.
func (sh *shard) adopt(fd int) {
	conn, err := sh.loop.NewConn(fd)
	if err != nil {
		sh.srv.log.Error("cannot take a client", "error", err)
		return
	}
	s := newSession(sh, conn)
	sh.sessions[s] = struct{}{}
	sh.srv.clients.Add(1)
	sh.loop.Go(s.start) // not with its first word: silence has its time limit, too
}

// boardChanged is called by the board's publishers.
func (sh *shard) boardChanged() {
	if sh.watchers.Load() > 0 {
		sh.loop.Post(sh.onChanged)
	}
}

// watch adds a task to those that the next change of the board wakes.
func (sh *shard) watch(t *reactor.Task) {
	sh.watching = append(sh.watching, t)
	sh.watchers.Store(int32(len(sh.watching)))
}

func (sh *shard) wakeWatchers() {
	for _, t := range sh.watching {
		t.Wake()
	}
	clear(sh.watching)
	sh.watching = sh.watching[:0]
	sh.watchers.Store(0)
}

// sever breaks the connections to a node that sessions hold.
func (sh *shard) sever(node cluster.NodeID) {
	for s := range sh.sessions {
		if s.server != nil && s.server.Node() == node {
			s.server.Conn.Shutdown()
		}
	}
}

// drain ends the sessions that are idle; the others end with their turn.
func (sh *shard) drain() {
	for s := range sh.sessions {
		if s.idle() {
			s.say(wire.AppendError(nil, errShutdown()))
			s.close()
		}
	}
}

// turn lends a turn's buffers to a session.
func (sh *shard) turn(s *session, t *reactor.Task) *turn {
	var u *turn
	if n := len(sh.turns); n > 0 {
		u, sh.turns = sh.turns[n-1], sh.turns[:n-1]
	} else {
		u = &turn{replies: queue{boundary: true}}
	}
	u.session, u.task = s, t
	return u
}

// giveBack takes a turn whose buffers are empty.
func (sh *shard) giveBack(u *turn) {
	u.clear()
	if len(sh.turns) < 256 {
		sh.turns = append(sh.turns, u)
	}
}
