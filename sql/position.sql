-- The log position that reads are judged by: where the newest record ends. When that
-- is the end of a page, the insert position of a primary stands behind the header of
-- the next one, which no standby replays until a record follows; a header has 24
-- bytes, at the beginning of a segment 40.
SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_replay_lsn(), '0/0')::text
            ELSE (SELECT upper(to_hex(at >> 32)) || '/' || upper(to_hex(at & 4294967295))
                    FROM (SELECT CASE WHEN at % current_setting('wal_block_size')::int8 = 24 THEN at - 24
                                      WHEN at % pg_size_bytes(current_setting('wal_segment_size')) = 40 THEN at - 40
                                      ELSE at END AS at
                            FROM (SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8 AS at) AS head) AS tail)
       END AS position
