package admin

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Ensure that a reload that fails says why, and that administrators can change.
func TestReload(t *testing.T) {
	e := &engines{reload: errors.New("pgherd.yaml:3: pool.size: 0 is not between 1 and 262143")}
	c := testConsole(e)
	refused := func(want string) {
		t.Helper()
		conn := serve(t, c).connect(t, "admin", nil)
		_, err := conn.Exec(t.Context(), "RELOAD")
		if got, ok := errors.AsType[*pgconn.PgError](err); !ok || got.Code != want {
			t.Errorf("got %v, want %s", err, want)
		}
		conn.Close(context.Background())
	}
	refused("F0000")
	c.SetUsers(nil, nil)
	refused("42501")
}
