-- What a node says of itself; the columns are described at sql.Probe.
-- pg_current_wal_insert_lsn() raises an error in recovery, hence the CASEs:
-- they are evaluated lazily, and the functions are volatile so that no branch
-- is computed while planning.
SELECT r.in_recovery,
       s.system_identifier::text AS system_identifier,
       CASE WHEN r.in_recovery
            THEN greatest(k.timeline_id, w.received_tli)::int8
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int8 END AS timeline,
       coalesce(CASE WHEN r.in_recovery
                     THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                     ELSE pg_current_wal_insert_lsn() END, '0/0')::text AS received,
       coalesce(CASE WHEN r.in_recovery
                     THEN pg_last_wal_replay_lsn()
                     ELSE pg_current_wal_insert_lsn() END, '0/0')::text AS replayed,
       coalesce(w.status, '') AS receiver_status,
       coalesce(w.sender_host, '') AS sender_host,
       coalesce(w.sender_port, 0) AS sender_port,
       current_setting('server_version_num')::int4 AS version_num,
       CASE WHEN r.in_recovery THEN pg_is_wal_replay_paused() ELSE false END AS replay_paused
  FROM (SELECT pg_is_in_recovery() AS in_recovery) AS r
 CROSS JOIN pg_control_system() AS s
 CROSS JOIN pg_control_checkpoint() AS k
  LEFT JOIN pg_stat_wal_receiver AS w ON true
