package server

import (
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that a look at a crowd of clients lets the loop do other things in between.
func TestCrowdIsLookedAtInPieces(t *testing.T) {
	const clients = 2*piece + 10
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.Auth, s.MaxClients = config.AuthTrust, clients })
	for range clients {
		r.raw()
	}
	seen, between := 0, 0
	err := r.server.eachSession(t.Context(), func(c *session) {
		if seen++; seen == 1 {
			c.shard.loop.Post(func() { between = seen })
		}
	})
	if err != nil || seen != clients || between == 0 || between > piece {
		t.Errorf("%v; %d of %d clients were seen, %d before the loop did something else", err, seen, clients, between)
	}
	if all, err := r.server.Clients(t.Context()); err != nil || len(all) != clients {
		t.Errorf("%d of %d clients are reported: %v", len(all), clients, err)
	}
	if n, err := r.server.Kill(t.Context(), "bench"); err != nil || n != clients {
		t.Errorf("%d of %d clients were killed: %v", n, clients, err)
	}
	await(t, func() bool { return r.server.clients.Load() == 0 })
}
