package server

import (
	"cmp"
	"context"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// idleLook is how often Settled looks which sessions are idle.
const idleLook = 100 * time.Millisecond

// Hold has all clients wait in line with their next transaction until Release. Each
// Hold needs its Release; PAUSE and RESUME are others' business.
func (s *Server) Hold() { s.pools.Hold() }

// Release undoes one Hold.
func (s *Server) Release() { s.pools.Release() }

// Settled waits, after Hold, until no client has a server. A session that keeps its
// server without a request for longer than idleLimit is ended: at once when it is
// negative, never when it is 0 (Pgpool-II client_idle_limit_in_recovery).
func (s *Server) Settled(ctx context.Context, idleLimit time.Duration) error {
	if idleLimit == 0 {
		return s.pools.Settle(ctx, "")
	}
	settled := make(chan error, 1)
	go func() { settled <- s.pools.Settle(ctx, "") }()
	ticker := time.NewTicker(idleLook)
	defer ticker.Stop()
	idle := idlers{}
	for {
		if err := s.endIdle(ctx, idle, idleLimit); err != nil {
			return cmp.Or(<-settled, err)
		}
		select {
		case err := <-settled:
			return err
		case <-ticker.C:
		}
	}
}

// idlers are the sessions that were idle with a server at the last look, by id.
type idlers map[uint64]*stretch

// endIdle takes one look, and ends those who are overdue. visit goes from loop to loop,
// so the map has one user at a time.
func (s *Server) endIdle(ctx context.Context, seen idlers, limit time.Duration) error {
	now := time.Now()
	return s.visit(ctx, func(sh *shard) {
		for c := range sh.sessions {
			if c.closed || !c.idlesOnServer() {
				delete(seen, c.id)
				continue
			}
			x := seen[c.id]
			if x == nil {
				x = &stretch{}
				seen[c.id] = x
			}
			if lasted := x.lasts(true, c.beats.turns, now); limit < 0 || lasted >= limit {
				c.doom(errIdleInRecovery())
			}
		}
	})
}

// idlesOnServer reports whether the session has a server and asks nothing of it.
func (s *session) idlesOnServer() bool {
	return s.server != nil && (s.turn == nil || s.turn.replies.empty())
}

func errIdleInRecovery() *wire.Error {
	return wire.Fatalf("57P01", "terminating connection: a node is being recovered").
		WithHint("recovery.client_idle_limit_in_recovery ends sessions that keep a connection to a node while the second stage waits.")
}
