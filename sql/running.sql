-- Transactions that have an id and have not ended, be it that only their commit
-- record is in the log. The function is asked, for the view joins much more.
-- No row in recovery.
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8 AS next,
       ARRAY(SELECT backend_xid::text::int8 FROM pg_stat_get_activity(NULL) WHERE backend_xid IS NOT NULL
             UNION ALL
             SELECT transaction::text::int8 FROM pg_prepared_xact()) AS running
 WHERE NOT pg_is_in_recovery()
