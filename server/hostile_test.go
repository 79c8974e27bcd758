package server

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// Ensure that connections that never log in keep nobody out, whatever they have said,
// and that there is an end to their number.
func TestSilentClients(t *testing.T) {
	r := newRig(t, 0, func(s *Config, _ *pool.Config, n *int) { s.Auth, s.MaxClients, *n = config.AuthScramSHA256, 4, 2 })
	var crowd []*raw
	for i := range 3 * fewestLogins {
		c := r.dialRaw()
		switch i % 3 {
		case 1:
			c.send([]byte{0, 0})
		case 2: // it gets a question that it does not answer
			c.send(wire.AppendStartup(nil, "user", "bench", "database", "bench"))
		}
		crowd = append(crowd, c)
	}
	for range 4 {
		r.connect()
	}
	await(t, func() bool { return r.server.clients.Load() <= fewestLogins+4 })
	if _, err := pgx.Connect(t.Context(), r.dsn()); code(err) != "53300" {
		t.Errorf("the fifth client: %v", err)
	}
	if got := crowd[0].next(); got != "closed" {
		t.Errorf("who came first got %s", got)
	}
	last := crowd[len(crowd)-1]
	if got := last.next(); got != "R" {
		t.Errorf("who came last got %s", got)
	}
}
