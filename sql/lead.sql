-- Whether a node takes writes, and on which timeline; 0 in recovery. The CASE
-- keeps pg_walfile_name(), which raises an error in recovery, from being called.
SELECT r.in_recovery,
       CASE WHEN r.in_recovery THEN 0
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int8 END AS timeline
  FROM (SELECT pg_is_in_recovery() AS in_recovery) AS r
