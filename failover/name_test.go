package failover

import (
	"context"
	"errors"
	"testing"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// A node whose name does not resolve at the moment, or not in time, is looked for where
// it was. When the name leads to another address it is looked for there.
func TestNameServerFails(t *testing.T) {
	pg := pgtest.Cluster(t, 0)
	node, address := pg.Node(0), pg.Node(0).Host
	node.Host = "primary.example"
	m := newMonitor(node, Config{Monitor: pg.Credentials(), HealthCheck: HealthCheck{MaxRetries: 2}}.withDefaults(), nil, nil)
	defer m.close()
	answers := func(context.Context, string) ([]string, error) { return []string{address}, nil }
	fails := func(context.Context, string) ([]string, error) { return nil, errors.New("server misbehaving") }
	hangs := func(ctx context.Context, _ string) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() }
	moved := func(context.Context, string) ([]string, error) { return []string{"127.0.0.77"}, nil }
	for i, c := range []struct {
		resolve func(context.Context, string) ([]string, error)
		want    Outcome
	}{{fails, Broken}, {answers, Alive}, {fails, Alive}, {hangs, Alive}, {moved, Refused}, {fails, Refused}, {answers, Alive}} {
		m.name.resolve = c.resolve
		m.alarm.ring(true) // on a new connection
		if r := m.probe(t.Context()); r.Outcome != c.want {
			t.Errorf("probe %d: %v (%s), want %v", i, r.Outcome, r.Detail, c.want)
		}
	}
}
