-- Functions that are not PostgreSQL's own: what sort of statement calls them.
SELECT n.nspname::text,
       p.proname::text,
       bool_or(p.provolatile = 'v'),
       EXISTS (SELECT FROM pg_catalog.pg_proc b
                WHERE b.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND b.proname = p.proname)
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname <> 'pg_catalog'
   AND n.nspname !~ '^pg_temp_'
   AND p.prokind <> 'p'
   AND p.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
 GROUP BY n.nspname, p.proname
