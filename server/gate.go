package server

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/pgherd/pgherd/internal/report"
	"github.com/pgherd/pgherd/internal/wire"
)

// Here are PgBouncer's commands about clients. database "" stands for all
// databases; they may be called from any goroutine.

// gate is the databases that let nobody in.
type gate struct {
	mu       sync.Mutex // guards disabled
	disabled map[string]bool
}

// set reports whether it changed anything.
func (g *gate) set(database string, disabled bool) (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.disabled[database] == disabled {
		return false
	}
	if g.disabled == nil {
		g.disabled = map[string]bool{}
	}
	g.disabled[database] = disabled
	return true
}

func (g *gate) closed(database string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.disabled[database]
}

// Gate is what keeps the clients of a database waiting, or out.
func (s *Server) Gate(database string) report.Gate {
	return report.Gate{Paused: s.pools.Paused(database), Disabled: s.gate.closed(database), Suspended: s.suspended.holds(database)}
}

// Disable keeps new clients out of a database (DISABLE). It is false when they
// were kept out already.
func (s *Server) Disable(database string) bool { return s.gate.set(database, true) }

// Enable undoes Disable.
func (s *Server) Enable(database string) bool { return s.gate.set(database, false) }

// Pause has the clients of a database wait in line with their next transaction;
// Settle waits until nobody is in one (PAUSE).
func (s *Server) Pause(database string) bool { return s.pools.Pause(database) }

// Resume undoes Pause and Suspend of a database; without one, all of them.
func (s *Server) Resume(database string) bool {
	suspended := s.unsuspend(database)
	return s.pools.Resume(database) || suspended
}

// Settle waits until no client has a server of the database.
func (s *Server) Settle(ctx context.Context, database string) error {
	return s.pools.Settle(ctx, database)
}

// Reconnect has every server of the database replaced when it is given back.
func (s *Server) Reconnect(database string) { s.pools.Reconnect(database) }

// Renewed waits until no server is left that Reconnect has meant.
func (s *Server) Renewed(ctx context.Context, database string) error {
	return s.pools.Renewed(ctx, database)
}

// Kill ends every session of a database, whatever it is doing (KILL).
func (s *Server) Kill(ctx context.Context, database string) (clients int, err error) {
	return s.kill(ctx, func(c *session) bool { return database == "" || c.database == database })
}

// KillClient ends one session by its id (KILL CLIENT); false when there is none.
func (s *Server) KillClient(ctx context.Context, id uint64) (bool, error) {
	n, err := s.kill(ctx, func(c *session) bool { return c.id == id })
	return n > 0, err
}

func (s *Server) kill(ctx context.Context, which func(*session) bool) (int, error) {
	var killed atomic.Int64 // some may still be killed after ctx has ended
	err := s.eachSession(ctx, func(c *session) {
		if !c.inConsole() && which(c) {
			c.kill()
			killed.Add(1)
		}
	})
	return int(killed.Load()), err
}

// kill ends the session now.
func (s *session) kill() {
	switch {
	case s.closed:
	case s.conn.Closed():
		s.shard.srv.replications.end(s.id)
	case s.key == 0: // still logging in
		if s.turn != nil { // and has proved who it is
			s.say(wire.AppendError(nil, errShutdown()))
		}
		s.conn.Shutdown()
	default:
		s.doom(errShutdown())
	}
}

// enterable is why nobody new may use the session's database; nil if they may.
func (s *session) enterable() *wire.Error {
	if s.shard.srv.gate.closed(s.database) {
		return wire.Fatalf("55000", "database %q does not accept connections at the moment", s.database).
			WithHint("An administrator has said DISABLE; ENABLE lets clients in again.")
	}
	return nil
}
