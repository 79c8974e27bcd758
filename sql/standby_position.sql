-- How far a standby has replayed, and whether it can get any further. The columns
-- of pg_stat_wal_receiver are those of the present stream.
SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')::text AS position,
       pg_is_in_recovery() AND pg_is_wal_replay_paused() AS paused,
       extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)::float8 AS delay,
       coalesce(w.status, '') AS receiver_status,
       coalesce(w.sender_host, '') AS sender_host,
       coalesce(w.sender_port, 0) AS sender_port,
       coalesce(w.received_tli, 0)::int8 AS timeline
  FROM (SELECT) AS here LEFT JOIN pg_stat_wal_receiver AS w ON true
