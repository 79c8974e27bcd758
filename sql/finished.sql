-- pg_xact_status asks the list of running transactions before the commit log, as
-- visibility does. It refuses ids that the standby has not come to yet.
SELECT ARRAY(SELECT id FROM unnest($1::int8[]) AS id
              WHERE CASE WHEN id < pg_snapshot_xmax(pg_current_snapshot())::text::int8
                         THEN pg_xact_status(id::text::xid8) = 'committed' END) AS finished
