-- Who streams from this node.
SELECT coalesce(application_name, '') AS application_name,
       coalesce(state, '') AS state,
       coalesce(sync_state, '') AS sync_state,
       coalesce(sent_lsn, '0/0')::text AS sent,
       coalesce(write_lsn, '0/0')::text AS write,
       coalesce(flush_lsn, '0/0')::text AS flush,
       coalesce(replay_lsn, '0/0')::text AS replay
  FROM pg_stat_replication
 ORDER BY application_name, pid
