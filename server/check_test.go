package server

import (
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that server_check_query is carried out on the node, and that a server that it
// leaves in disorder is not used.
func TestCheckQuery(t *testing.T) {
	pgtest.Leaks(t)
	on := pgtest.Cluster(t, 0)
	for query, same := range map[string]bool{"select 1, 'of any size'": true, ";": true, "begin": false, "select 1/0": false} {
		r := newRigOn(t, on, func(s *Config, p *pool.Config, _ *int) {
			s.Auth = config.AuthTrust
			p.Limits = func(pool.Key) pool.Limits { return pool.Limits{Size: 1, CheckQuery: query} }
		})
		c := r.raw()
		pids := map[string]bool{}
		for range 3 {
			c.send(mQuery("select pg_backend_pid()"))
			pids[c.answers(1)] = true
		}
		if want := map[bool]int{true: 1, false: 3}[same]; len(pids) != want {
			t.Errorf("%s: %d servers, want %d", query, len(pids), want)
		}
	}
}
