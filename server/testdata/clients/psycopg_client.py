"""What applications do with psycopg 3. Arguments: conninfo. Prints "ok"."""
import logging
import sys
import threading

import psycopg
from psycopg import errors

dsn = sys.argv[1]

with psycopg.connect(dsn, prepare_threshold=1) as conn:
    conn.execute("create table p3 (a int primary key, b text)")
    conn.commit()
    for i in range(20):  # prepared from the second time on
        row = conn.execute("select %s::int + 1, %s::text", (i, "x%d" % i)).fetchone()
        assert row == (i + 1, "x%d" % i), row
    with conn.cursor() as cur:
        cur.executemany("insert into p3 values (%s, %s)", [(i, "many") for i in range(300)])
    conn.commit()

    with conn.cursor().copy("copy p3 (a, b) from stdin") as copy:
        for i in range(1000, 2000):
            copy.write_row((i, "copied"))
    with conn.cursor().copy("copy (select a from p3 where a >= 1998 order by a) to stdout") as copy:
        assert [r[0] for r in copy.rows()] == ["1998", "1999"]
    conn.commit()

    try:
        with conn.transaction():
            conn.execute("insert into p3 values (-1, 'outer')")
            try:
                with conn.transaction():  # a savepoint
                    conn.execute("insert into p3 values (1, 'again')")
            except errors.UniqueViolation:
                pass
            assert conn.execute("select count(*) from p3 where a = -1").fetchone() == (1,)
            raise psycopg.Rollback()
    except psycopg.Rollback:
        pass
    assert conn.execute("select count(*) from p3 where a = -1").fetchone() == (0,)
    conn.commit()

    with conn.cursor(name="server_side") as cur:
        cur.itersize = 50
        cur.execute("select a from p3 order by a")
        assert sum(1 for _ in cur) == 1300
    conn.commit()

    with conn.pipeline():
        results = [conn.execute("select %s::int", (i,)) for i in range(200)]
        assert [r.fetchone()[0] for r in results] == list(range(200))
    conn.commit()

    # psycopg warns if the error comes before the pipeline has ended, which is as may be
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    try:
        with conn.pipeline():
            conn.execute("select 1")
            conn.execute("select 1/0")
            conn.execute("select 2")
    except errors.DivisionByZero:
        pass
    else:
        raise AssertionError("no error out of the pipeline")
    logging.getLogger("psycopg").setLevel(logging.NOTSET)
    conn.rollback()

    timer = threading.Timer(0.2, conn.cancel)
    timer.start()
    try:
        conn.execute("select pg_sleep(20)")
        raise AssertionError("not canceled")
    except errors.QueryCanceled:
        conn.rollback()
    timer.join()
    binary = conn.cursor(binary=True).execute("select %b::bytea, now()", (bytes(range(256)),)).fetchone()
    assert binary[0] == bytes(range(256))

with psycopg.connect(dsn, autocommit=True) as conn, psycopg.connect(dsn, autocommit=True) as other:
    conn.execute("listen news")
    other.execute("notify news, 'hello'")
    for note in conn.notifies():
        assert note.payload == "hello"
        break
print("ok")
