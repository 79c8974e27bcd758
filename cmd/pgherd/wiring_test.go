package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/server"
)

// Ensure that the sections of databases and users reach the pools and sessions,
// a password only the user that it belongs to.
func TestOverridesReachTheRooms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pgherd.yaml")
	text := `
nodes: [{host: 127.0.0.1}]
monitor: {user: m}
auth: {type: trust}
pool: {min_size: 1, server_lifetime: 1m, transaction_timeout: 2s}
databases:
  app: {dbname: real, user: forced, password: secret, size: 3, max_connections: 4, max_client_connections: 5, timezone: UTC, connect_query: select 1}
users:
  forced: {max_connections: 6, reserve_size: 2}
  alice: {pool_mode: session, query_timeout: 7s, max_client_connections: 8}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := pool.Limits{Size: 3, MinSize: 1, ReserveSize: 2, ReserveTimeout: 5 * time.Second, MaxDatabase: 4, MaxUser: 6,
		Lifetime: time.Minute, CheckQuery: ";", CheckDelay: 30 * time.Second, Login: pool.Login{Database: "real", Password: "secret", Params: []string{"timezone", "UTC"}, Query: "select 1"}}
	if got := limitsOf(cfg, pool.Key{Database: "app", User: "forced"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := limitsOf(cfg, pool.Key{Database: "app", User: "alice"}).Login.Password; got != "" {
		t.Errorf("alice would log in with the password of another: %q", got)
	}
	profile := server.Profile{Mode: config.PoolSession, User: "forced", Database: "real", Consistency: config.ConsistencySession, MaxDatabaseClients: 5, MaxUserClients: 8,
		QueryWaitTimeout: 2 * time.Minute, QueryTimeout: 7 * time.Second, TransactionTimeout: 2 * time.Second}
	if got := profileOf(cfg, "app", "alice"); got != profile {
		t.Errorf("got  %+v\nwant %+v", got, profile)
	}
}
