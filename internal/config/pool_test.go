package config

import (
	"slices"
	"testing"
	"time"
)

const scoped = `
nodes: [{host: a}]
monitor: {user: m}
auth: {type: trust}
pool: {size: 20, query_timeout: 1m}
databases:
  app: {dbname: real, size: 7, pool_mode: session, max_connections: 9, password: "${MONITOR_PASSWORD}", user: forced}
  "*": {size: 3}
users:
  bob: {size: 2, query_timeout: 0, max_connections: 4}
`

func TestEffective(t *testing.T) {
	c := mustParse(t, scoped)
	for _, want := range []struct {
		database, user string
		size, max      int
		mode           PoolMode
		query          time.Duration
	}{
		{"app", "alice", 7, 9, PoolSession, time.Minute},
		{"app", "bob", 2, 9, PoolSession, 0},
		{"other", "alice", 3, 0, PoolTransaction, time.Minute},
	} {
		got := c.Scope(want.database, want.user).Effective()
		if got.Size != want.size || got.Mode != want.mode || got.QueryTimeout != want.query || got.MaxDBConnections != want.max {
			t.Errorf("%s as %s: %+v", want.database, want.user, got)
		}
	}
	if got := c.Scope("app", "bob").Effective().MaxUserConnections; got != 4 {
		t.Errorf("bob may have %d servers, want 4", got)
	}
	if got := c.Databases["app"].Password.Reveal(); got != "from the environment" {
		t.Errorf("password is %q", got)
	}
}

func TestDiff(t *testing.T) {
	a, b := mustParse(t, scoped), mustParse(t, scoped+"listen: [\"127.0.0.1:1\"]\nlog: {level: debug}\n")
	b.Nodes[0].Weight = 5
	changed := Diff(a, b)
	if want := []string{"listen", "nodes", "log.level"}; !slices.Equal(changed, want) {
		t.Errorf("changed: %v, want %v", changed, want)
	}
	if got := NeedRestart(changed, a, b); !slices.Equal(got, []string{"listen"}) {
		t.Errorf("need a restart: %v, want listen", got)
	}
	b.Nodes[0].Port = 1
	if got := NeedRestart(Diff(a, b), a, b); !slices.Equal(got, []string{"listen", "nodes"}) {
		t.Errorf("need a restart: %v", got)
	}
	if got := Describe(a, b, "log.level"); got != "log.level: info -> debug" {
		t.Error(got)
	}
}
