-- Sequences, unlogged tables, and what is read through those.
WITH RECURSIVE pinned AS (
    SELECT oid FROM pg_catalog.pg_class
     WHERE relpersistence <> 't' AND relkind = 'S'
        OR relpersistence = 'u' AND relkind IN ('r', 'm')
    UNION
    SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN pinned p ON i.inhrelid = p.oid
)
SELECT n.nspname::text, c.relname::text, c.relkind = 'S'
  FROM pinned
  JOIN pg_catalog.pg_class c ON c.oid = pinned.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
