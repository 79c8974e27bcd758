-- The log position that reads are judged by.
SELECT coalesce(CASE WHEN pg_is_in_recovery()
                     THEN pg_last_wal_replay_lsn()
                     ELSE pg_current_wal_insert_lsn() END, '0/0')::text AS position
