package config

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// mostServers is PostgreSQL's limit of max_connections.
const mostServers = 1<<18 - 1

func (v validator) pool(p Pool) {
	between(v, "pool.size", p.Size, 1, mostServers)
	between(v, "pool.min_size", p.MinSize, 0, mostServers)
	between(v, "pool.reserve_size", p.ReserveSize, 0, mostServers)
	between(v, "pool.max_clients", p.MaxClients, 1, 1<<30)
	between(v, "pool.max_db_connections", p.MaxDBConnections, 0, mostServers)
	between(v, "pool.max_db_client_connections", p.MaxDBClientConnections, 0, 1<<30)
	between(v, "pool.max_user_connections", p.MaxUserConnections, 0, mostServers)
	between(v, "pool.max_user_client_connections", p.MaxUserClientConnections, 0, 1<<30)
	between(v, "pool.max_prepared_statements", p.MaxPreparedStatements, 0, 1<<20)
	v.poolTimeouts(p)
}

func (v validator) poolTimeouts(p Pool) {
	atLeast(v, "pool.reserve_timeout", p.ReserveTimeout, time.Millisecond)
	atLeast(v, "pool.query_wait_timeout", p.QueryWaitTimeout, 0)
	atLeast(v, "pool.query_wait_notify", p.QueryWaitNotify, 0)
	atLeast(v, "pool.query_timeout", p.QueryTimeout, 0)
	atLeast(v, "pool.transaction_timeout", p.TransactionTimeout, 0)
	atLeast(v, "pool.idle_transaction_timeout", p.IdleTransactionTimeout, 0)
	atLeast(v, "pool.client_idle_timeout", p.ClientIdleTimeout, 0)
	atLeast(v, "pool.client_login_timeout", p.ClientLoginTimeout, time.Millisecond)
	atLeast(v, "pool.suspend_timeout", p.SuspendTimeout, 0)
	atLeast(v, "pool.server_lifetime", p.ServerLifetime, 0)
	atLeast(v, "pool.server_check_delay", p.ServerCheckDelay, 0)
	atLeast(v, "pool.server_idle_timeout", p.ServerIdleTimeout, 0)
	atLeast(v, "pool.server_connect_timeout", p.ServerConnectTimeout, time.Millisecond)
	atLeast(v, "pool.server_login_retry", p.ServerLoginRetry, 0)
}

func (v validator) databases(all map[string]Database) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d, key := all[name], "databases."+name
		v.override(key, d.Override)
		optional(v, key+".server_lifetime", d.ServerLifetime, 0, 1<<62)
		if !d.Password.IsZero() && d.User == "" {
			v.failf(key+".password", "belongs to a user; set %s.user as well", key)
		}
	}
}

func (v validator) users(all map[string]User) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		u, key := all[name], "users."+name
		v.override(key, u.Override)
		optional(v, key+".query_timeout", u.QueryTimeout, 0, 1<<62)
		optional(v, key+".transaction_timeout", u.TransactionTimeout, 0, 1<<62)
		optional(v, key+".idle_transaction_timeout", u.IdleTransactionTimeout, 0, 1<<62)
		optional(v, key+".client_idle_timeout", u.ClientIdleTimeout, 0, 1<<62)
	}
}

func (v validator) override(key string, o Override) {
	optional(v, key+".size", o.Size, 1, mostServers)
	optional(v, key+".min_size", o.MinSize, 0, mostServers)
	optional(v, key+".reserve_size", o.ReserveSize, 0, mostServers)
	optional(v, key+".max_connections", o.MaxConnections, 0, mostServers)
	optional(v, key+".max_client_connections", o.MaxClientConnections, 0, 1<<30)
	optional(v, key+".query_wait_timeout", o.QueryWaitTimeout, 0, 1<<62)
}

// Linux takes seconds, from 1 to 32767, and up to 127 probes (tcp(7)).
func (v validator) tcp(t TCP) {
	for _, x := range []struct {
		key   string
		value time.Duration
	}{{"tcp.keepidle", t.KeepIdle}, {"tcp.keepintvl", t.KeepIntvl}} {
		if x.value != 0 {
			between(v, x.key, x.value, time.Second, 32767*time.Second)
		}
	}
	between(v, "tcp.keepcnt", t.KeepCnt, 0, 127)
	between(v, "tcp.user_timeout", t.UserTimeout, 0, 24*time.Hour)
}

func optional[T cmp.Ordered](v validator, key string, value *T, least, most T) {
	if value != nil {
		between(v, key, *value, least, most)
	}
}
