-- Makes functions.txt: the names of built-in functions that only read. To renew it,
-- connect to a new, empty cluster of the newest PostgreSQL at hand:
--
--     psql -X -q -A -t -f functions.sql postgres | LC_ALL=C sort -u > functions.txt
--
-- functions_primary.txt has all other callable names:
--
--     psql -X -q -A -t -v others=1 -f functions.sql postgres | LC_ALL=C sort -u > functions_primary.txt
--
-- A name qualifies when every overload that SQL can call is immutable or stable. The
-- two lists are reviewed by hand.
WITH callable AS (
    SELECT proname, provolatile
      FROM pg_catalog.pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace
       AND prokind <> 'p'
       AND NOT 'internal'::regtype = ANY (proargtypes)
       AND prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype,
                              'language_handler'::regtype, 'fdw_handler'::regtype)
), steady AS (
    SELECT proname::text AS name
      FROM callable
     GROUP BY proname
    HAVING bool_and(provolatile IN ('i', 's'))
), refused(name) AS (
    -- stable by name, yet they assign a transaction ID or serve event triggers and DDL only
    VALUES ('txid_current'), ('pg_current_xact_id'),
           ('pg_event_trigger_ddl_commands'), ('pg_event_trigger_dropped_objects'),
           ('pg_event_trigger_table_rewrite_oid'), ('pg_event_trigger_table_rewrite_reason'),
           ('fmgr_c_validator'), ('fmgr_internal_validator'), ('fmgr_sql_validator')
), reviewed(name) AS (
    -- volatile, but they neither write nor leave state behind
    VALUES ('random'), ('random_normal'), ('array_shuffle'), ('array_sample'),
           ('clock_timestamp'), ('timeofday'), ('gen_random_uuid'), ('uuidv4'), ('uuidv7'),
           ('pg_sleep'), ('pg_sleep_for'), ('pg_sleep_until'), ('current_query'),
           ('pg_is_in_recovery'), ('pg_last_wal_receive_lsn'), ('pg_last_wal_replay_lsn'),
           ('pg_last_xact_replay_timestamp'), ('pg_is_wal_replay_paused'), ('pg_get_wal_replay_pause_state'),
           ('pg_relation_size'), ('pg_table_size'), ('pg_indexes_size'), ('pg_total_relation_size'),
           ('pg_database_size'), ('pg_tablespace_size'), ('pg_partition_tree'), ('pg_partition_ancestors'),
    -- immutable or stable, from versions after 15
           ('any_value'), ('erf'), ('erfc'), ('gamma'), ('lgamma'), ('date_add'), ('date_subtract'),
           ('pg_input_is_valid'), ('pg_input_error_info'), ('to_bin'), ('to_oct'), ('system_user'),
           ('unicode_assigned'), ('unicode_version'), ('uuid_extract_timestamp'), ('uuid_extract_version'),
           ('casefold'), ('crc32'), ('crc32c'), ('array_sort'), ('array_reverse'),
           ('json_agg_strict'), ('jsonb_agg_strict'), ('pg_basetype'), ('to_regtypemod'), ('reverse')
)
, kept(name) AS (
    SELECT name FROM (SELECT name FROM steady EXCEPT SELECT name FROM refused) AS safe
    UNION
    SELECT name FROM reviewed
)
SELECT name FROM kept WHERE NOT :{?others}
UNION
SELECT proname FROM callable WHERE :{?others} AND proname NOT IN (SELECT name FROM kept);

