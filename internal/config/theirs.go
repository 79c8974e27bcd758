package config

import (
	"reflect"
	"slices"
	"strings"
)

// theirs finds our key by the name that it has in Pgpool-II or PgBouncer. Names
// of Pgpool-II may end with the number of a node. In a section that has such a
// key itself, as each database has a size, that one is meant.
func theirs(section, name string, known []string) (string, bool) {
	name = strings.TrimRight(name, "0123456789")
	key, ok := renamed()[name]
	if !ok {
		key, ok = joined(name)
	}
	if last := key[strings.LastIndex(key, ".")+1:]; ok && slices.Contains(known, last) {
		key = join(section, last)
	}
	return key, ok
}

// joined finds the key whose parts make up the name: tcp_keepidle is
// tcp.keepidle, client_tls_key_file is tls.client.key_file.
func joined(name string) (string, bool) {
	for _, side := range []string{"client", "server"} {
		if rest, ok := strings.CutPrefix(name, side+"_tls_"); ok {
			name = "tls_" + side + "_" + rest
		}
	}
	all := keys(reflect.TypeFor[Config](), "")
	i := slices.IndexFunc(all, func(key string) bool {
		return strings.Contains(key, ".") && strings.ReplaceAll(key, ".", "_") == name
	})
	if i < 0 {
		return "", false
	}
	return all[i], true
}

// renamed are the names that ours do not tell.
func renamed() map[string]string {
	return map[string]string{
		// Pgpool-II
		"listen_addresses": "listen", "unix_socket_directories": "listen", "logdir": "state_dir", "log_min_messages": "log.level",
		"num_init_children": "pool.max_clients", "max_pool": "pool.size", "child_life_time": "pool.server_lifetime",
		"connection_life_time": "pool.server_idle_timeout", "client_idle_limit": "pool.client_idle_timeout",
		"authentication_timeout": "pool.client_login_timeout", "connect_timeout": "pool.server_connect_timeout",
		"backend_hostname": "nodes[].host", "backend_port": "nodes[].port", "backend_data_directory": "nodes[].data_directory",
		"backend_weight": "nodes[].weight", "backend_application_name": "nodes[].application_name", "backend_flag": "nodes[].flag",
		"health_check_user": "monitor.user", "health_check_password": "monitor.password", "health_check_database": "monitor.database",
		"sr_check_user": "monitor.user", "sr_check_password": "monitor.password", "sr_check_database": "monitor.database",
		"allow_clear_text_frontend_auth": "auth.allow_plain_password",
		// PgBouncer
		"listen_addr": "listen", "listen_port": "listen", "unix_socket_dir": "listen", "logfile": "log.file",
		"auth_file": "auth.users_file", "auth_user": "auth.query_user", "auth_dbname": "auth.database",
		"pool_size": "pool.size", "default_pool_size": "pool.size", "min_pool_size": "pool.min_size",
		"reserve_pool_size": "pool.reserve_size", "reserve_pool_timeout": "pool.reserve_timeout", "max_client_conn": "pool.max_clients",
		"client_tls_protocols": "tls.client.min_version", "server_tls_protocols": "tls.server.min_version",
	}
}
