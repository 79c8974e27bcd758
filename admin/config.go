package admin

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// poolSettings is every key of the configuration file.
func poolSettings(d Deps) view {
	return view{name: "pool_settings", help: "the configuration in force, by pgherd's keys", audience: privilegeLook,
		columns: columns("name:s setting:s default:s reloadable:b pending_restart:b"),
		rows: func(context.Context) ([][]any, error) {
			pending := d.Process.PendingRestart()
			var rows [][]any
			for _, s := range d.Config().Settings() {
				rows = append(rows, []any{s.Key, s.Value, s.Default, s.Changeable, slices.Contains(pending, s.Key)})
			}
			return rows, nil
		}}
}

// poolStatus has the 3 columns of Pgpool-II 4.7; where pgherd has the same
// parameter it goes by Pgpool-II's name.
func poolStatus(d Deps) view {
	return view{name: "pool_status", help: "parameters, by Pgpool-II's names", audience: privilegeNone, style: pgpoolStyle,
		columns: columns("item:s value:s description:s"),
		rows: func(context.Context) ([][]any, error) {
			var rows [][]any
			for _, p := range pgpoolParameters(d) {
				rows = append(rows, []any{p.name, p.value, p.about})
			}
			return rows, nil
		}}
}

type parameter struct{ name, value, about string }

// pgpoolParameters are those whose meaning is the same.
func pgpoolParameters(d Deps) []parameter {
	c := d.Config()
	list := []parameter{
		{"backend_clustering_mode", "1", "streaming replication"},
		{"listen_addresses", strings.Join(c.Listen, ","), "addresses and ports that clients connect to"},
		{"num_init_children", strconv.Itoa(c.Pool.MaxClients), "number of clients (pool.max_clients)"},
		{"max_pool", strconv.Itoa(c.Pool.Size), "connections of a user on a database of a node (pool.size)"},
		{"authentication_timeout", seconds(c.Pool.ClientLoginTimeout), "time for a login, in seconds"},
		{"allow_clear_text_frontend_auth", onOff(c.Auth.AllowPlainPassword), "passwords in clear without TLS"},
		{"connection_life_time", seconds(c.Pool.ServerIdleTimeout), "idle connections to nodes are closed after this, in seconds"},
		{"client_idle_limit", seconds(c.Pool.ClientIdleTimeout), "idle clients are disconnected after this, in seconds"},
		{"load_balance_mode", onOff(c.Routing.LoadBalanceMode), "reads go to standbys"},
		{"connect_timeout", strconv.FormatInt(c.Pool.ServerConnectTimeout.Milliseconds(), 10), "of a connection to a node, in ms"},
		{"health_check_period", seconds(c.HealthCheck.Period), "seconds between two checks of a node"},
		{"health_check_timeout", seconds(c.HealthCheck.Timeout), "seconds that a check may take"},
		{"health_check_user", c.Monitor.User, "who logs in to the nodes"},
		{"health_check_database", c.Monitor.Database, "and to which database"},
		{"health_check_max_retries", strconv.Itoa(c.HealthCheck.MaxRetries), "failed checks in a row that are forgiven"},
		{"health_check_retry_delay", seconds(c.HealthCheck.RetryDelay), "seconds between retries"},
		{"recovery_timeout", seconds(c.Recovery.Timeout), "seconds for a recovered node to start"},
		{"recovery_user", c.Recovery.User, "who runs the recovery scripts"},
		{"recovery_database", c.Recovery.Database, "and in which database"},
		{"recovery_1st_stage_command", c.Recovery.FirstStage, "script of the first stage"},
		{"recovery_2nd_stage_command", c.Recovery.SecondStage, "script of the second stage"},
		{"client_idle_limit_in_recovery", strconv.Itoa(c.Recovery.ClientIdleLimit), "idle clients are cut off in the second stage after this, in seconds"},
	}
	now := d.Board.Current()
	total := totalWeight(now.Nodes)
	for _, n := range now.Nodes {
		id := strconv.Itoa(int(n.ID))
		list = append(list,
			parameter{"backend_hostname" + id, n.Host, "hostname of node " + id},
			parameter{"backend_port" + id, strconv.Itoa(n.Port), "port of node " + id},
			parameter{"backend_weight" + id, fmt.Sprintf("%f", share(n.Weight, total)), "weight of node " + id},
			parameter{"backend_data_directory" + id, n.DataDirectory, "data directory of node " + id},
			parameter{"backend_status" + id, n.Status.String(), "status of node " + id},
			parameter{"standby_delay" + id, strconv.FormatUint(replicationDelay(d.Board, now.Primary, n.ID), 10), "replication delay of node " + id},
			parameter{"backend_application_name" + id, n.Name, "application_name of node " + id})
	}
	return list
}

// seconds is a duration without its unit.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

func onOff(b bool) string { return map[bool]string{true: "on", false: "off"}[b] }

// configView has the 4 columns of PgBouncer 1.25, and its names for what is the
// same here.
func configView(d Deps) view {
	return view{name: "config", help: "parameters, by PgBouncer's names", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("key:s value:s default:s changeable:s"),
		rows: func(context.Context) ([][]any, error) {
			names := pgbouncerNames()
			var rows [][]any
			for _, s := range d.Config().Settings() {
				if name := names[s.Key]; name != "" {
					rows = append(rows, []any{name, plainSeconds(s.Value), plainSeconds(s.Default), yesNo(s.Changeable)})
				}
			}
			return rows, nil
		}}
}

func yesNo(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }

// plainSeconds is a duration as PgBouncer writes it; other values stay.
func plainSeconds(value string) string {
	if d, err := time.ParseDuration(value); err == nil {
		return seconds(d)
	}
	switch value {
	case "true", "false":
		return strconv.Itoa(bit(value == "true"))
	}
	return value
}

// pgbouncerNames are PgBouncer's names by our keys.
func pgbouncerNames() map[string]string {
	names := map[string]string{
		"listen": "listen_addr", "unix_socket_mode": "unix_socket_mode", "auth.type": "auth_type", "auth.users_file": "auth_file",
		"auth.hba_file": "auth_hba_file", "auth.ident_file": "auth_ident_file", "auth.query_user": "auth_user", "auth.query": "auth_query",
		"auth.database": "auth_dbname", "console.admin_users": "admin_users", "console.stats_users": "stats_users",
		"pool.mode": "pool_mode", "pool.size": "default_pool_size", "pool.min_size": "min_pool_size", "pool.reserve_size": "reserve_pool_size",
		"pool.reserve_timeout": "reserve_pool_timeout", "pool.max_clients": "max_client_conn",
		"tls.client.sslmode": "client_tls_sslmode", "tls.server.sslmode": "server_tls_sslmode",
		"tcp.keepalive": "tcp_keepalive", "tcp.keepidle": "tcp_keepidle", "tcp.keepintvl": "tcp_keepintvl", "tcp.keepcnt": "tcp_keepcnt",
		"tcp.user_timeout": "tcp_user_timeout", "log.file": "logfile",
	}
	for _, same := range []string{"max_db_connections", "max_db_client_connections", "max_user_connections", "max_user_client_connections",
		"query_wait_timeout", "query_wait_notify", "query_timeout", "transaction_timeout", "idle_transaction_timeout",
		"client_idle_timeout", "client_login_timeout", "suspend_timeout", "server_lifetime", "server_idle_timeout", "server_connect_timeout",
		"server_login_retry", "max_prepared_statements"} {
		names["pool."+same] = same
	}
	return names
}
