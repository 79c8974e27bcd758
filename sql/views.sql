-- The console's views in a database of yours, in a schema pgherd, so that they can be
-- joined with PostgreSQL's own:
--
--   psql -d DATABASE -v host=HOST -v port=9999 -v user=STATS_USER -v grantee=ROLE -f views.sql
--
-- as a superuser. host is where pgherd listens, seen from the server; dbname is the
-- console's name (pgpool). user is one of console.stats_users; without it a user
-- mapping for the server pgherd has to be made. grantee is a role that may read the
-- views; without it only the owner may. No password is asked for: give it to the user
-- mapping,
--
--   ALTER USER MAPPING FOR CURRENT_USER SERVER pgherd OPTIONS (ADD password '...');
--
-- or write it into the password file of the server's account. Whoever reads a view asks
-- as its owner: no reader needs the foreign server, or sees the password.
-- To replace the views by those of another version, DROP SCHEMA pgherd CASCADE and run
-- the script again: the server and its user mapping stay.

\set ON_ERROR_STOP on
\if :{?host}
\else
    \set host 127.0.0.1
\endif
\if :{?port}
\else
    \set port 9999
\endif
\if :{?dbname}
\else
    \set dbname pgpool
\endif

BEGIN;

CREATE EXTENSION IF NOT EXISTS dblink;
SELECT n.nspname AS dblink_schema
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
 WHERE e.extname = 'dblink' \gset

CREATE SERVER IF NOT EXISTS pgherd FOREIGN DATA WRAPPER dblink_fdw
    OPTIONS (host :'host', port :'port', dbname :'dbname', connect_timeout '5');
\if :{?user}
CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER pgherd OPTIONS (user :'user');
\endif

CREATE SCHEMA pgherd;
-- The views of the console; a test of package admin writes them.

CREATE FUNCTION pgherd.read_pool_nodes() RETURNS TABLE ("node_id" integer, "hostname" text, "port" integer, "status" text, "pg_status" text, "lb_weight" numeric, "role" text, "pg_role" text, "select_cnt" bigint, "load_balance_node" boolean, "replication_delay" bigint, "replication_state" text, "replication_sync_state" text, "last_status_change" timestamp with time zone)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "node_id", "hostname", "port", "status", "pg_status", "lb_weight", "role", "pg_role", "select_cnt", "load_balance_node", "replication_delay", "replication_state", "replication_sync_state", "last_status_change" FROM pool_nodes'::text)
        AS t ("node_id" integer, "hostname" text, "port" integer, "status" text, "pg_status" text, "lb_weight" numeric, "role" text, "pg_role" text, "select_cnt" bigint, "load_balance_node" boolean, "replication_delay" bigint, "replication_state" text, "replication_sync_state" text, "last_status_change" timestamp with time zone)
$$;
CREATE VIEW pgherd.pool_nodes AS SELECT * FROM pgherd.read_pool_nodes();
COMMENT ON VIEW pgherd.pool_nodes IS 'the nodes, their roles and statuses';

CREATE FUNCTION pgherd.read_pool_version() RETURNS TABLE ("pool_version" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "pool_version" FROM pool_version'::text)
        AS t ("pool_version" text)
$$;
CREATE VIEW pgherd.pool_version AS SELECT * FROM pgherd.read_pool_version();
COMMENT ON VIEW pgherd.pool_version IS 'the version of pgherd';

CREATE FUNCTION pgherd.read_pool_processes() RETURNS TABLE ("pool_pid" bigint, "start_time" timestamp with time zone, "client_connection_count" bigint, "database" text, "username" text, "backend_connection_time" timestamp with time zone, "pool_counter" bigint, "status" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "pool_pid", "start_time", "client_connection_count", "database", "username", "backend_connection_time", "pool_counter", "status" FROM pool_processes'::text)
        AS t ("pool_pid" bigint, "start_time" timestamp with time zone, "client_connection_count" bigint, "database" text, "username" text, "backend_connection_time" timestamp with time zone, "pool_counter" bigint, "status" text)
$$;
CREATE VIEW pgherd.pool_processes AS SELECT * FROM pgherd.read_pool_processes();
COMMENT ON VIEW pgherd.pool_processes IS 'clients, as Pgpool-II shows its processes';

CREATE FUNCTION pgherd.read_pool_pools() RETURNS TABLE ("pool_pid" bigint, "start_time" timestamp with time zone, "client_connection_count" bigint, "pool_id" integer, "backend_id" integer, "database" text, "username" text, "backend_connection_time" timestamp with time zone, "client_connection_time" timestamp with time zone, "client_disconnection_time" timestamp with time zone, "client_idle_duration" bigint, "majorversion" integer, "minorversion" integer, "pool_counter" bigint, "pool_backendpid" bigint, "pool_connected" integer, "status" text, "load_balance_node" integer, "client_host" text, "client_port" text, "statement" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "pool_pid", "start_time", "client_connection_count", "pool_id", "backend_id", "database", "username", "backend_connection_time", "client_connection_time", "client_disconnection_time", "client_idle_duration", "majorversion", "minorversion", "pool_counter", "pool_backendpid", "pool_connected", "status", "load_balance_node", "client_host", "client_port", "statement" FROM pool_pools'::text)
        AS t ("pool_pid" bigint, "start_time" timestamp with time zone, "client_connection_count" bigint, "pool_id" integer, "backend_id" integer, "database" text, "username" text, "backend_connection_time" timestamp with time zone, "client_connection_time" timestamp with time zone, "client_disconnection_time" timestamp with time zone, "client_idle_duration" bigint, "majorversion" integer, "minorversion" integer, "pool_counter" bigint, "pool_backendpid" bigint, "pool_connected" integer, "status" text, "load_balance_node" integer, "client_host" text, "client_port" text, "statement" text)
$$;
CREATE VIEW pgherd.pool_pools AS SELECT * FROM pgherd.read_pool_pools();
COMMENT ON VIEW pgherd.pool_pools IS 'connections to the nodes, as Pgpool-II shows its pools';

CREATE FUNCTION pgherd.read_pool_cache() RETURNS TABLE ("num_cache_hits" bigint, "num_selects" bigint, "cache_hit_ratio" numeric, "num_hash_entries" bigint, "used_hash_entries" bigint, "num_cache_entries" bigint, "used_cache_entries_size" bigint, "free_cache_entries_size" bigint, "fragment_cache_entries_size" bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "num_cache_hits", "num_selects", "cache_hit_ratio", "num_hash_entries", "used_hash_entries", "num_cache_entries", "used_cache_entries_size", "free_cache_entries_size", "fragment_cache_entries_size" FROM pool_cache'::text)
        AS t ("num_cache_hits" bigint, "num_selects" bigint, "cache_hit_ratio" numeric, "num_hash_entries" bigint, "used_hash_entries" bigint, "num_cache_entries" bigint, "used_cache_entries_size" bigint, "free_cache_entries_size" bigint, "fragment_cache_entries_size" bigint)
$$;
CREATE VIEW pgherd.pool_cache AS SELECT * FROM pgherd.read_pool_cache();
COMMENT ON VIEW pgherd.pool_cache IS 'no rows: pgherd has no query cache';

CREATE FUNCTION pgherd.read_pool_status() RETURNS TABLE ("item" text, "value" text, "description" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "item", "value", "description" FROM pool_status'::text)
        AS t ("item" text, "value" text, "description" text)
$$;
CREATE VIEW pgherd.pool_status AS SELECT * FROM pgherd.read_pool_status();
COMMENT ON VIEW pgherd.pool_status IS 'parameters, by Pgpool-II''s names';

CREATE FUNCTION pgherd.read_pool_health_check_stats() RETURNS TABLE ("node_id" integer, "hostname" text, "port" integer, "status" text, "role" text, "last_status_change" timestamp with time zone, "total_count" bigint, "success_count" bigint, "fail_count" bigint, "skip_count" bigint, "retry_count" bigint, "average_retry_count" numeric, "max_retry_count" bigint, "max_duration" bigint, "min_duration" bigint, "average_duration" numeric, "last_health_check" timestamp with time zone, "last_successful_health_check" timestamp with time zone, "last_skip_health_check" timestamp with time zone, "last_failed_health_check" timestamp with time zone)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "node_id", "hostname", "port", "status", "role", "last_status_change", "total_count", "success_count", "fail_count", "skip_count", "retry_count", "average_retry_count", "max_retry_count", "max_duration", "min_duration", "average_duration", "last_health_check", "last_successful_health_check", "last_skip_health_check", "last_failed_health_check" FROM pool_health_check_stats'::text)
        AS t ("node_id" integer, "hostname" text, "port" integer, "status" text, "role" text, "last_status_change" timestamp with time zone, "total_count" bigint, "success_count" bigint, "fail_count" bigint, "skip_count" bigint, "retry_count" bigint, "average_retry_count" numeric, "max_retry_count" bigint, "max_duration" bigint, "min_duration" bigint, "average_duration" numeric, "last_health_check" timestamp with time zone, "last_successful_health_check" timestamp with time zone, "last_skip_health_check" timestamp with time zone, "last_failed_health_check" timestamp with time zone)
$$;
CREATE VIEW pgherd.pool_health_check_stats AS SELECT * FROM pgherd.read_pool_health_check_stats();
COMMENT ON VIEW pgherd.pool_health_check_stats IS 'health checks of each node';

CREATE FUNCTION pgherd.read_pool_backend_stats() RETURNS TABLE ("node_id" integer, "hostname" text, "port" integer, "status" text, "role" text, "select_cnt" bigint, "insert_cnt" bigint, "update_cnt" bigint, "delete_cnt" bigint, "ddl_cnt" bigint, "other_cnt" bigint, "panic_cnt" bigint, "fatal_cnt" bigint, "error_cnt" bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "node_id", "hostname", "port", "status", "role", "select_cnt", "insert_cnt", "update_cnt", "delete_cnt", "ddl_cnt", "other_cnt", "panic_cnt", "fatal_cnt", "error_cnt" FROM pool_backend_stats'::text)
        AS t ("node_id" integer, "hostname" text, "port" integer, "status" text, "role" text, "select_cnt" bigint, "insert_cnt" bigint, "update_cnt" bigint, "delete_cnt" bigint, "ddl_cnt" bigint, "other_cnt" bigint, "panic_cnt" bigint, "fatal_cnt" bigint, "error_cnt" bigint)
$$;
CREATE VIEW pgherd.pool_backend_stats AS SELECT * FROM pgherd.read_pool_backend_stats();
COMMENT ON VIEW pgherd.pool_backend_stats IS 'statements and errors of each node';

CREATE FUNCTION pgherd.read_pool_replication() RETURNS TABLE ("node_id" integer, "hostname" text, "port" integer, "role" text, "epoch" bigint, "timeline" bigint, "lsn" text, "polled" timestamp with time zone, "behind_bytes" bigint, "behind" interval, "replication_state" text, "replication_sync_state" text, "application_name" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "node_id", "hostname", "port", "role", "epoch", "timeline", "lsn", "polled", "behind_bytes", "behind", "replication_state", "replication_sync_state", "application_name" FROM pool_replication'::text)
        AS t ("node_id" integer, "hostname" text, "port" integer, "role" text, "epoch" bigint, "timeline" bigint, "lsn" text, "polled" timestamp with time zone, "behind_bytes" bigint, "behind" interval, "replication_state" text, "replication_sync_state" text, "application_name" text)
$$;
CREATE VIEW pgherd.pool_replication AS SELECT * FROM pgherd.read_pool_replication();
COMMENT ON VIEW pgherd.pool_replication IS 'positions in the log and how far the standbys are behind';

CREATE FUNCTION pgherd.read_pool_settings() RETURNS TABLE ("name" text, "setting" text, "default" text, "reloadable" boolean, "pending_restart" boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "name", "setting", "default", "reloadable", "pending_restart" FROM pool_settings'::text)
        AS t ("name" text, "setting" text, "default" text, "reloadable" boolean, "pending_restart" boolean)
$$;
CREATE VIEW pgherd.pool_settings AS SELECT * FROM pgherd.read_pool_settings();
COMMENT ON VIEW pgherd.pool_settings IS 'the configuration in force, by pgherd''s keys';

CREATE FUNCTION pgherd.read_pool_events() RETURNS TABLE ("id" bigint, "at" timestamp with time zone, "node_id" integer, "kind" text, "event" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "id", "at", "node_id", "kind", "event" FROM pool_events'::text)
        AS t ("id" bigint, "at" timestamp with time zone, "node_id" integer, "kind" text, "event" text)
$$;
CREATE VIEW pgherd.pool_events AS SELECT * FROM pgherd.read_pool_events();
COMMENT ON VIEW pgherd.pool_events IS 'what happened, when and why';

CREATE FUNCTION pgherd.read_pool_failover() RETURNS TABLE ("epoch" bigint, "state" text, "kind" text, "from_node" integer, "to_node" integer, "phase" text, "since" timestamp with time zone, "end_lsn" text, "lossless" boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "epoch", "state", "kind", "from_node", "to_node", "phase", "since", "end_lsn", "lossless" FROM pool_failover'::text)
        AS t ("epoch" bigint, "state" text, "kind" text, "from_node" integer, "to_node" integer, "phase" text, "since" timestamp with time zone, "end_lsn" text, "lossless" boolean)
$$;
CREATE VIEW pgherd.pool_failover AS SELECT * FROM pgherd.read_pool_failover();
COMMENT ON VIEW pgherd.pool_failover IS 'changes of the primary: those that ended an epoch, and the one under way';

CREATE FUNCTION pgherd.read_pool_routes() RETURNS TABLE ("node_id" integer, "hostname" text, "port" integer, "reason" text, "count" bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "node_id", "hostname", "port", "reason", "count" FROM pool_routes'::text)
        AS t ("node_id" integer, "hostname" text, "port" integer, "reason" text, "count" bigint)
$$;
CREATE VIEW pgherd.pool_routes AS SELECT * FROM pgherd.read_pool_routes();
COMMENT ON VIEW pgherd.pool_routes IS 'how many statements went to which node for which reason';

CREATE FUNCTION pgherd.read_pool_sessions() RETURNS TABLE ("id" bigint, "database" text, "username" text, "application_name" text, "client_addr" text, "state" text, "node_id" integer, "pin" text, "request_time" timestamp with time zone, "waiting" interval, "consistency" text, "token" text, "token_pending" boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "id", "database", "username", "application_name", "client_addr", "state", "node_id", "pin", "request_time", "waiting", "consistency", "token", "token_pending" FROM pool_sessions'::text)
        AS t ("id" bigint, "database" text, "username" text, "application_name" text, "client_addr" text, "state" text, "node_id" integer, "pin" text, "request_time" timestamp with time zone, "waiting" interval, "consistency" text, "token" text, "token_pending" boolean)
$$;
CREATE VIEW pgherd.pool_sessions AS SELECT * FROM pgherd.read_pool_sessions();
COMMENT ON VIEW pgherd.pool_sessions IS 'clients: where they are, why they keep a connection, what their reads must see';

CREATE FUNCTION pgherd.read_pool_recovery() RETURNS TABLE ("node_id" integer, "source" integer, "procedure" text, "step" text, "since" timestamp with time zone, "ended" timestamp with time zone, "bytes" bigint, "total" bigint, "rate" bigint, "lag" bigint, "lost" text, "message" text, "error" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "node_id", "source", "procedure", "step", "since", "ended", "bytes", "total", "rate", "lag", "lost", "message", "error" FROM pool_recovery'::text)
        AS t ("node_id" integer, "source" integer, "procedure" text, "step" text, "since" timestamp with time zone, "ended" timestamp with time zone, "bytes" bigint, "total" bigint, "rate" bigint, "lag" bigint, "lost" text, "message" text, "error" text)
$$;
CREATE VIEW pgherd.pool_recovery AS SELECT * FROM pgherd.read_pool_recovery();
COMMENT ON VIEW pgherd.pool_recovery IS 'recoveries of nodes, live and past';

CREATE FUNCTION pgherd.read_databases() RETURNS TABLE ("name" text, "host" text, "port" integer, "database" text, "force_user" text, "pool_size" integer, "min_pool_size" integer, "reserve_pool_size" integer, "server_lifetime" integer, "pool_mode" text, "load_balance_hosts" text, "max_connections" integer, "current_connections" integer, "max_client_connections" integer, "current_client_connections" integer, "paused" integer, "disabled" integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "name", "host", "port", "database", "force_user", "pool_size", "min_pool_size", "reserve_pool_size", "server_lifetime", "pool_mode", "load_balance_hosts", "max_connections", "current_connections", "max_client_connections", "current_client_connections", "paused", "disabled" FROM databases'::text)
        AS t ("name" text, "host" text, "port" integer, "database" text, "force_user" text, "pool_size" integer, "min_pool_size" integer, "reserve_pool_size" integer, "server_lifetime" integer, "pool_mode" text, "load_balance_hosts" text, "max_connections" integer, "current_connections" integer, "max_client_connections" integer, "current_client_connections" integer, "paused" integer, "disabled" integer)
$$;
CREATE VIEW pgherd.databases AS SELECT * FROM pgherd.read_databases();
COMMENT ON VIEW pgherd.databases IS 'databases, configured or in use';

CREATE FUNCTION pgherd.read_pools() RETURNS TABLE ("database" text, "user" text, "cl_active" integer, "cl_waiting" integer, "cl_active_cancel_req" integer, "cl_waiting_cancel_req" integer, "sv_active" integer, "sv_active_cancel" integer, "sv_being_canceled" integer, "sv_idle" integer, "sv_used" integer, "sv_tested" integer, "sv_login" integer, "maxwait" integer, "maxwait_us" integer, "pool_mode" text, "load_balance_hosts" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active", "sv_active_cancel", "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us", "pool_mode", "load_balance_hosts" FROM pools'::text)
        AS t ("database" text, "user" text, "cl_active" integer, "cl_waiting" integer, "cl_active_cancel_req" integer, "cl_waiting_cancel_req" integer, "sv_active" integer, "sv_active_cancel" integer, "sv_being_canceled" integer, "sv_idle" integer, "sv_used" integer, "sv_tested" integer, "sv_login" integer, "maxwait" integer, "maxwait_us" integer, "pool_mode" text, "load_balance_hosts" text)
$$;
CREATE VIEW pgherd.pools AS SELECT * FROM pgherd.read_pools();
COMMENT ON VIEW pgherd.pools IS 'clients and servers of each database and user';

CREATE FUNCTION pgherd.read_clients() RETURNS TABLE ("type" text, "user" text, "database" text, "replication" text, "state" text, "addr" text, "port" integer, "local_addr" text, "local_port" integer, "connect_time" timestamp with time zone, "request_time" timestamp with time zone, "wait" integer, "wait_us" integer, "close_needed" integer, "ptr" text, "link" text, "remote_pid" integer, "tls" text, "application_name" text, "prepared_statements" integer, "id" bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "type", "user", "database", "replication", "state", "addr", "port", "local_addr", "local_port", "connect_time", "request_time", "wait", "wait_us", "close_needed", "ptr", "link", "remote_pid", "tls", "application_name", "prepared_statements", "id" FROM clients'::text)
        AS t ("type" text, "user" text, "database" text, "replication" text, "state" text, "addr" text, "port" integer, "local_addr" text, "local_port" integer, "connect_time" timestamp with time zone, "request_time" timestamp with time zone, "wait" integer, "wait_us" integer, "close_needed" integer, "ptr" text, "link" text, "remote_pid" integer, "tls" text, "application_name" text, "prepared_statements" integer, "id" bigint)
$$;
CREATE VIEW pgherd.clients AS SELECT * FROM pgherd.read_clients();
COMMENT ON VIEW pgherd.clients IS 'clients';

CREATE FUNCTION pgherd.read_servers() RETURNS TABLE ("type" text, "user" text, "database" text, "replication" text, "state" text, "addr" text, "port" integer, "local_addr" text, "local_port" integer, "connect_time" timestamp with time zone, "request_time" timestamp with time zone, "wait" integer, "wait_us" integer, "close_needed" integer, "ptr" text, "link" text, "remote_pid" integer, "tls" text, "application_name" text, "prepared_statements" integer, "id" bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "type", "user", "database", "replication", "state", "addr", "port", "local_addr", "local_port", "connect_time", "request_time", "wait", "wait_us", "close_needed", "ptr", "link", "remote_pid", "tls", "application_name", "prepared_statements", "id" FROM servers'::text)
        AS t ("type" text, "user" text, "database" text, "replication" text, "state" text, "addr" text, "port" integer, "local_addr" text, "local_port" integer, "connect_time" timestamp with time zone, "request_time" timestamp with time zone, "wait" integer, "wait_us" integer, "close_needed" integer, "ptr" text, "link" text, "remote_pid" integer, "tls" text, "application_name" text, "prepared_statements" integer, "id" bigint)
$$;
CREATE VIEW pgherd.servers AS SELECT * FROM pgherd.read_servers();
COMMENT ON VIEW pgherd.servers IS 'connections to the nodes';

CREATE FUNCTION pgherd.read_sockets() RETURNS TABLE ("type" text, "user" text, "database" text, "replication" text, "state" text, "addr" text, "port" integer, "local_addr" text, "local_port" integer, "connect_time" timestamp with time zone, "request_time" timestamp with time zone, "wait" integer, "wait_us" integer, "close_needed" integer, "ptr" text, "link" text, "remote_pid" integer, "tls" text, "application_name" text, "prepared_statements" integer, "id" bigint, "recv_pos" integer, "pkt_pos" integer, "pkt_remain" integer, "send_pos" integer, "send_remain" integer, "pkt_avail" integer, "send_avail" integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "type", "user", "database", "replication", "state", "addr", "port", "local_addr", "local_port", "connect_time", "request_time", "wait", "wait_us", "close_needed", "ptr", "link", "remote_pid", "tls", "application_name", "prepared_statements", "id", "recv_pos", "pkt_pos", "pkt_remain", "send_pos", "send_remain", "pkt_avail", "send_avail" FROM sockets'::text)
        AS t ("type" text, "user" text, "database" text, "replication" text, "state" text, "addr" text, "port" integer, "local_addr" text, "local_port" integer, "connect_time" timestamp with time zone, "request_time" timestamp with time zone, "wait" integer, "wait_us" integer, "close_needed" integer, "ptr" text, "link" text, "remote_pid" integer, "tls" text, "application_name" text, "prepared_statements" integer, "id" bigint, "recv_pos" integer, "pkt_pos" integer, "pkt_remain" integer, "send_pos" integer, "send_remain" integer, "pkt_avail" integer, "send_avail" integer)
$$;
CREATE VIEW pgherd.sockets AS SELECT * FROM pgherd.read_sockets();
COMMENT ON VIEW pgherd.sockets IS 'clients and servers';

CREATE FUNCTION pgherd.read_users() RETURNS TABLE ("name" text, "pool_size" integer, "reserve_pool_size" integer, "pool_mode" text, "max_user_connections" integer, "current_connections" integer, "max_user_client_connections" integer, "current_client_connections" integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "name", "pool_size", "reserve_pool_size", "pool_mode", "max_user_connections", "current_connections", "max_user_client_connections", "current_client_connections" FROM users'::text)
        AS t ("name" text, "pool_size" integer, "reserve_pool_size" integer, "pool_mode" text, "max_user_connections" integer, "current_connections" integer, "max_user_client_connections" integer, "current_client_connections" integer)
$$;
CREATE VIEW pgherd.users AS SELECT * FROM pgherd.read_users();
COMMENT ON VIEW pgherd.users IS 'users, configured or connected';

CREATE FUNCTION pgherd.read_lists() RETURNS TABLE ("list" text, "items" integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "list", "items" FROM lists'::text)
        AS t ("list" text, "items" integer)
$$;
CREATE VIEW pgherd.lists AS SELECT * FROM pgherd.read_lists();
COMMENT ON VIEW pgherd.lists IS 'how many databases, users, pools, clients and servers there are';

CREATE FUNCTION pgherd.read_stats() RETURNS TABLE ("database" text, "total_server_assignment_count" numeric, "total_xact_count" numeric, "total_query_count" numeric, "total_received" numeric, "total_sent" numeric, "total_xact_time" numeric, "total_query_time" numeric, "total_wait_time" numeric, "total_client_parse_count" numeric, "total_server_parse_count" numeric, "total_bind_count" numeric, "avg_server_assignment_count" numeric, "avg_xact_count" numeric, "avg_query_count" numeric, "avg_recv" numeric, "avg_sent" numeric, "avg_xact_time" numeric, "avg_query_time" numeric, "avg_wait_time" numeric, "avg_client_parse_count" numeric, "avg_server_parse_count" numeric, "avg_bind_count" numeric)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "database", "total_server_assignment_count", "total_xact_count", "total_query_count", "total_received", "total_sent", "total_xact_time", "total_query_time", "total_wait_time", "total_client_parse_count", "total_server_parse_count", "total_bind_count", "avg_server_assignment_count", "avg_xact_count", "avg_query_count", "avg_recv", "avg_sent", "avg_xact_time", "avg_query_time", "avg_wait_time", "avg_client_parse_count", "avg_server_parse_count", "avg_bind_count" FROM stats'::text)
        AS t ("database" text, "total_server_assignment_count" numeric, "total_xact_count" numeric, "total_query_count" numeric, "total_received" numeric, "total_sent" numeric, "total_xact_time" numeric, "total_query_time" numeric, "total_wait_time" numeric, "total_client_parse_count" numeric, "total_server_parse_count" numeric, "total_bind_count" numeric, "avg_server_assignment_count" numeric, "avg_xact_count" numeric, "avg_query_count" numeric, "avg_recv" numeric, "avg_sent" numeric, "avg_xact_time" numeric, "avg_query_time" numeric, "avg_wait_time" numeric, "avg_client_parse_count" numeric, "avg_server_parse_count" numeric, "avg_bind_count" numeric)
$$;
CREATE VIEW pgherd.stats AS SELECT * FROM pgherd.read_stats();
COMMENT ON VIEW pgherd.stats IS 'totals and averages of each database';

CREATE FUNCTION pgherd.read_stats_totals() RETURNS TABLE ("database" text, "server_assignment_count" numeric, "xact_count" numeric, "query_count" numeric, "bytes_received" numeric, "bytes_sent" numeric, "xact_time" numeric, "query_time" numeric, "wait_time" numeric, "client_parse_count" numeric, "server_parse_count" numeric, "bind_count" numeric)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "database", "server_assignment_count", "xact_count", "query_count", "bytes_received", "bytes_sent", "xact_time", "query_time", "wait_time", "client_parse_count", "server_parse_count", "bind_count" FROM stats_totals'::text)
        AS t ("database" text, "server_assignment_count" numeric, "xact_count" numeric, "query_count" numeric, "bytes_received" numeric, "bytes_sent" numeric, "xact_time" numeric, "query_time" numeric, "wait_time" numeric, "client_parse_count" numeric, "server_parse_count" numeric, "bind_count" numeric)
$$;
CREATE VIEW pgherd.stats_totals AS SELECT * FROM pgherd.read_stats_totals();
COMMENT ON VIEW pgherd.stats_totals IS 'totals of each database';

CREATE FUNCTION pgherd.read_stats_averages() RETURNS TABLE ("database" text, "server_assignment_count" numeric, "xact_count" numeric, "query_count" numeric, "bytes_received" numeric, "bytes_sent" numeric, "xact_time" numeric, "query_time" numeric, "wait_time" numeric, "avg_client_parse_count" numeric, "avg_server_parse_count" numeric, "avg_bind_count" numeric)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "database", "server_assignment_count", "xact_count", "query_count", "bytes_received", "bytes_sent", "xact_time", "query_time", "wait_time", "avg_client_parse_count", "avg_server_parse_count", "avg_bind_count" FROM stats_averages'::text)
        AS t ("database" text, "server_assignment_count" numeric, "xact_count" numeric, "query_count" numeric, "bytes_received" numeric, "bytes_sent" numeric, "xact_time" numeric, "query_time" numeric, "wait_time" numeric, "avg_client_parse_count" numeric, "avg_server_parse_count" numeric, "avg_bind_count" numeric)
$$;
CREATE VIEW pgherd.stats_averages AS SELECT * FROM pgherd.read_stats_averages();
COMMENT ON VIEW pgherd.stats_averages IS 'averages of each database in the last minute';

CREATE FUNCTION pgherd.read_totals() RETURNS TABLE ("name" text, "value" numeric)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "name", "value" FROM totals'::text)
        AS t ("name" text, "value" numeric)
$$;
CREATE VIEW pgherd.totals AS SELECT * FROM pgherd.read_totals();
COMMENT ON VIEW pgherd.totals IS 'totals and averages of all databases';

CREATE FUNCTION pgherd.read_config() RETURNS TABLE ("key" text, "value" text, "default" text, "changeable" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "key", "value", "default", "changeable" FROM config'::text)
        AS t ("key" text, "value" text, "default" text, "changeable" text)
$$;
CREATE VIEW pgherd.config AS SELECT * FROM pgherd.read_config();
COMMENT ON VIEW pgherd.config IS 'parameters, by PgBouncer''s names';

CREATE FUNCTION pgherd.read_mem() RETURNS TABLE ("name" text, "size" bigint, "used" bigint, "free" bigint, "memtotal" bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "name", "size", "used", "free", "memtotal" FROM mem'::text)
        AS t ("name" text, "size" bigint, "used" bigint, "free" bigint, "memtotal" bigint)
$$;
CREATE VIEW pgherd.mem AS SELECT * FROM pgherd.read_mem();
COMMENT ON VIEW pgherd.mem IS 'memory in use, in bytes';

CREATE FUNCTION pgherd.read_state() RETURNS TABLE ("key" text, "value" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "key", "value" FROM state'::text)
        AS t ("key" text, "value" text)
$$;
CREATE VIEW pgherd.state AS SELECT * FROM pgherd.read_state();
COMMENT ON VIEW pgherd.state IS 'whether pgherd is active';

CREATE FUNCTION pgherd.read_version() RETURNS TABLE ("version" text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT "version" FROM version'::text)
        AS t ("version" text)
$$;
CREATE VIEW pgherd.version AS SELECT * FROM pgherd.read_version();
COMMENT ON VIEW pgherd.version IS 'the version of pgherd';
-- The end of the views.

REVOKE ALL ON FOREIGN SERVER pgherd FROM PUBLIC;
REVOKE ALL ON SCHEMA pgherd FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA pgherd FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgherd FROM PUBLIC;
\if :{?grantee}
GRANT USAGE ON SCHEMA pgherd TO :"grantee";
GRANT SELECT ON ALL TABLES IN SCHEMA pgherd TO :"grantee";
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgherd TO :"grantee";
\endif

COMMIT;
