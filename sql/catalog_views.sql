-- What views are made of. Dependencies on PostgreSQL's own functions are not in
-- pg_depend; the rule itself names them by their numbers.
WITH views AS (
    SELECT n.nspname, c.relname, r.ev_action::text AS tree
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid AND r.rulename = '_RETURN'
     WHERE c.relkind = 'v' AND c.relpersistence <> 't' AND c.oid >= 16384
), parts AS (
    SELECT DISTINCT v.nspname, v.relname, m[1] = 'relid' AS is_relation, m[2]::pg_catalog.oid AS id
      FROM views v, LATERAL pg_catalog.regexp_matches(v.tree,
               ':(relid|funcid|opfuncid|aggfnoid|winfnoid) ([1-9][0-9]*)', 'g') AS m
)
SELECT v.nspname::text, v.relname::text, 'call', n.nspname::text, p.proname::text
  FROM parts v
  JOIN pg_catalog.pg_proc p ON p.oid = v.id
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE NOT v.is_relation AND (p.provolatile = 'v' OR n.nspname <> 'pg_catalog')
UNION
SELECT v.nspname::text, v.relname::text, 'relation', n.nspname::text, c.relname::text
  FROM parts v
  JOIN pg_catalog.pg_class c ON c.oid = v.id
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE v.is_relation
UNION
SELECT nspname::text, relname::text, 'lock', '', ''
  FROM views
 WHERE tree LIKE '%:hasForUpdate true%'
