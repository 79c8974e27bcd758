package admin

import (
	"bytes"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestCopy(t *testing.T) {
	conn := serve(t, testConsole(&engines{})).connect(t, "stats", nil).PgConn()
	for _, c := range []struct{ sql, want, tag string }{
		{"COPY (SELECT node_id, hostname, null FROM pool_nodes ORDER BY 1 DESC LIMIT 2) TO STDOUT", "2\t::1\t\\N\n1\t10.0.0.2\t\\N\n", "COPY 2"},
		{"copy (select 'a,b' as \"x y\", 'c\"d', null, '', 'e', true, now() is null) to stdout csv header;",
			"x y,?column?,?column?,?column?,?column?,bool,?column?\n\"a,b\",\"c\"\"d\",,\"\",e,t,f\n", "COPY 1"},
		{"COPY pool_nodes (hostname, port) TO STDOUT WITH (FORMAT csv, DELIMITER ';', HEADER off)", "10.0.0.1;5432\n10.0.0.2;5433\n::1;5434\n", "COPY 3"},
		{"COPY pool_version TO STDOUT", "4.7.2 (pgherd 1)\n", "COPY 1"},
		{"COPY (VALUES (E'a\\tb\\nc\\\\', null)) TO STDOUT (NULL 'nil', HEADER)", "column1\tcolumn2\na\\tb\\nc\\\\\tnil\n", "COPY 1"},
	} {
		var out bytes.Buffer
		tag, err := conn.CopyTo(t.Context(), &out, c.sql)
		if err != nil || out.String() != c.want || tag.String() != c.tag {
			t.Errorf("%s: %q %s, %v", c.sql, out.String(), tag, err)
		}
	}
}

func TestCopyIsRefused(t *testing.T) {
	for _, c := range []struct {
		user, sql, code string
		position        int32
	}{
		{"reader", "COPY pools TO STDOUT", "42501", 0},
		{"stats", "COPY nosuch TO STDOUT", "42P01", 6},
		{"stats", "COPY pools FROM STDIN", "0A000", 0},
		{"stats", "COPY pools TO '/tmp/x'", "0A000", 0},
		{"stats", "COPY pools TO PROGRAM 'x'", "0A000", 0},
		{"stats", "COPY (DELETE FROM pools RETURNING 1) TO STDOUT", "0A000", 0},
		{"stats", "COPY pools TO STDOUT (FORMAT binary)", "22023", 23},
		{"stats", "COPY pools TO STDOUT (ENCODING 'x')", "0A000", 23},
		{"stats", "COPY pools TO STDOUT (DELIMITER 'xx')", "22023", 23},
		{"stats", "COPY (SELECT $1) TO STDOUT", "42P02", 0},
		{"stats", "SELECT 1; COPY pools TO", "42601", 24},
	} {
		conn := serve(t, testConsole(&engines{})).connect(t, c.user, nil).PgConn()
		_, err := conn.Exec(t.Context(), c.sql).ReadAll()
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != c.code || e.Position != c.position {
			t.Errorf("%s: %#v", c.sql, err)
		}
	}
}
