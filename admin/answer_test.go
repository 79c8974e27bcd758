package admin

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgproto3/v2"

	"github.com/pgherd/pgherd/internal/wire"
)

// frames prints messages in short form.
func frames(t *testing.T, b []byte) string {
	t.Helper()
	f := pgproto3.NewFrontend(pgproto3.NewChunkReader(strings.NewReader(string(b))), nil)
	var all []string
	for {
		m, err := f.Receive()
		if err != nil {
			return strings.Join(all, ", ")
		}
		all = append(all, short(m))
	}
}

// What Pgpool-II answers in any session, and who may ask for what.
func TestAnswersInsideSessions(t *testing.T) {
	c := testConsole(&engines{})
	for _, x := range []struct{ user, sql, columns, rows, code string }{
		{"reader", "show pool_version;", "RowDescription", "row 4.7.2 (pgherd 1), SELECT 1", ""},
		{"reader", "SHOW POOL_NODES", "RowDescription", "row 0, row 1, row 2, SELECT 3", ""},
		{"reader", "PGPOOL SHOW max_pool", "RowDescription", "row 20, SELECT 1", ""},
		{"reader", "PGPOOL SET log_statement TO on", "NoData", "other, SET", ""},
		{"reader", "SHOW POOL_EVENTS", "", "", "42501"},
		{"stats", "SHOW POOL_EVENTS", "RowDescription", "row 1, SELECT 1", ""},
		{"admin", "SHOW POOL_NOTES", "", "", "42601"},
		{"admin", "SHOW POOL_NODES; SHUTDOWN", "", "", "42601"},
		{"admin", "SHOW POOL_NODES; SHOW POOL_NODES", "", "", "42601"},
		{"admin", "PGPOOL SHOW nonsense", "", "", "42704"},
	} {
		columns, err := c.Describe(x.user, x.sql)
		rows, err2 := c.Answer(t.Context(), x.user, x.sql)
		if frames(t, columns) != x.columns || frames(t, rows) != x.rows {
			t.Errorf("%s: %s; %s", x.sql, frames(t, columns), frames(t, rows))
		}
		for _, err := range []error{err, err2} {
			e, ok := errors.AsType[*wire.Error](err)
			if (err != nil) != ok || ok && e.Code != x.code || !ok && x.code != "" {
				t.Errorf("%s by %s: %v, want %s", x.sql, x.user, err, x.code)
			}
		}
	}
}
