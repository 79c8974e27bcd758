-- The role that pgherd logs in to the nodes with (monitor in its configuration), with no
-- more rights than it uses. psql runs this, as a superuser, on the primary, in the database
-- that monitor.database names (postgres, if it names none):
--
--   pgherd role | psql -h PRIMARY -d postgres
--   pgherd role | psql -h PRIMARY -d postgres -v role=watcher -v failover=off
--
-- role       the role's name, pgherd if not given; made if there is none, without a
--            password: \password pgherd sets one
-- failover   off leaves the second part out
--
-- It may be run again. pg_hba.conf of every node has to let the role in, to databases and
-- to "replication".

\set ON_ERROR_STOP on
SET client_min_messages = warning;
\if :{?role}
\else
\set role pgherd
\endif
\if :{?failover}
\else
\set failover on
\endif
SELECT current_setting('server_version_num')::int >= 150000 AS parameters,
       current_setting('server_version_num')::int >= 160000 AS reserved,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') AS absent \gset

-- Watching: roles and positions of the nodes, who follows whom; the databases' catalogs.
\if :absent
CREATE ROLE :"role" LOGIN;
\endif
GRANT pg_monitor TO :"role";
\if :reserved
-- A node with no connection to spare still answers (reserved_connections).
GRANT pg_use_reserved_connections TO :"role";
\endif

\if :failover
-- Failing over: settings of the standbys, promotion, replication slots.
ALTER ROLE :"role" REPLICATION;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_promote(boolean, integer) TO :"role";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO :"role";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_wal_replay_resume() TO :"role";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO :"role";
GRANT SELECT ON pg_catalog.pg_file_settings TO :"role";
-- The sessions of an old primary that cannot be stopped.
GRANT pg_signal_backend TO :"role";
-- Recovery: pg_rewind, and the search for files that have lost their ends.
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO :"role";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO :"role";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO :"role";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO :"role";
\if :parameters
GRANT pg_checkpoint TO :"role";
GRANT ALTER SYSTEM ON PARAMETER primary_conninfo, primary_slot_name, recovery_min_apply_delay,
    default_transaction_read_only, restore_command TO :"role";
-- What is set may hold a password: those statements are kept out of the server's log.
GRANT SET ON PARAMETER log_statement, log_min_duration_statement, log_min_error_statement TO :"role";
\else
\warn 'PostgreSQL 13 and 14 cannot grant ALTER SYSTEM and CHECKPOINT: the nodes need access local or ssh in pgherd''s configuration, or the role SUPERUSER'
\endif
\endif
