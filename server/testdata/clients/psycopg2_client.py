"""What applications do with psycopg2. Arguments: conninfo. Prints "ok"."""
import io
import sys

import psycopg2
import psycopg2.errors
import psycopg2.extras

dsn = sys.argv[1]
conn = psycopg2.connect(dsn)
cur = conn.cursor()

cur.execute("create table p2 (a int primary key, b text)")
conn.commit()
psycopg2.extras.execute_values(cur, "insert into p2 values %s", [(i, "row %d" % i) for i in range(500)])
conn.commit()
cur.execute("select count(*), max(b) from p2 where a < %s", (10,))
assert cur.fetchone() == (10, "row 9")

try:  # an error aborts the transaction, and rollback mends it
    cur.execute("insert into p2 values (1, 'again')")
    raise AssertionError("no unique violation")
except psycopg2.errors.UniqueViolation:
    pass
try:
    cur.execute("select 1")
    raise AssertionError("the transaction was not aborted")
except psycopg2.errors.InFailedSqlTransaction:
    conn.rollback()

cur.copy_expert("copy p2 from stdin", io.StringIO("".join("%d\tcopied\n" % i for i in range(1000, 3000))))
conn.commit()
out = io.StringIO()
cur.copy_expert("copy (select a from p2 where a >= 2998 order by a) to stdout", out)
assert out.getvalue() == "2998\n2999\n", out.getvalue()

named = conn.cursor("server_side")  # DECLARE, FETCH, CLOSE
named.itersize = 100
named.execute("select a from p2 order by a")
assert sum(1 for _ in named) == 2500
named.close()
conn.commit()

hold = conn.cursor("held", withhold=True)
hold.execute("select generate_series(1, 10)")
conn.commit()
assert [r[0] for r in hold.fetchall()] == list(range(1, 11))
hold.close()
conn.commit()

conn.set_session(isolation_level="SERIALIZABLE", readonly=True)
cur.execute("show transaction_isolation")
assert cur.fetchone() == ("serializable",)
conn.commit()
conn.set_session(isolation_level="DEFAULT", readonly=False)

conn.autocommit = True
other = psycopg2.connect(dsn)
other.autocommit = True
cur.execute("listen news")
other.cursor().execute("notify news, 'hello'")
cur.execute("select 1")
conn.poll()
assert [n.payload for n in conn.notifies] == ["hello"], conn.notifies
conn.set_client_encoding("LATIN1")
cur.execute("select 'caf\u00e9', length('caf\u00e9')")
assert cur.fetchone() == ("caf\u00e9", 4)
conn.set_client_encoding("UTF8")

cur.execute("set statement_timeout to '50ms'")
try:
    cur.execute("select pg_sleep(10)")
    raise AssertionError("no timeout")
except psycopg2.errors.QueryCanceled:
    pass
cur.execute("reset statement_timeout")
conn.close()
other.close()
print("ok")
