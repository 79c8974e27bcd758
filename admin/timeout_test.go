package admin

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// endless would take years.
const endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b, generate_series(1, 1000000) c"

func TestStatementTimeout(t *testing.T) {
	conn := serve(t, testConsole(&engines{})).connect(t, "stats", nil)
	shown := func() (value string) {
		if err := conn.QueryRow(t.Context(), "SHOW statement_timeout", pgx.QueryExecModeSimpleProtocol).Scan(&value); err != nil {
			t.Fatal(err)
		}
		return value
	}
	for _, c := range []struct{ set, want string }{{"", "30s"}, {"SET statement_timeout = 0", "0"}, {"SET statement_timeout TO '2min'", "2min"},
		{"SET SESSION statement_timeout = 1500", "1500ms"}, {"RESET statement_timeout", "30s"}, {"SET statement_timeout = '1h'", "1h"},
		{"DISCARD ALL", "30s"}, {"SET statement_timeout = DEFAULT", "30s"}, {"SET statement_timeout = '50ms'", "50ms"}} {
		if _, err := conn.Exec(t.Context(), c.set); err != nil {
			t.Fatal(c.set, err)
		}
		if got := shown(); got != c.want {
			t.Errorf("after %q it is %q, not %q", c.set, got, c.want)
		}
	}
	began := time.Now()
	_, err := conn.Exec(t.Context(), endless)
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != "57014" || e.Message != "canceling statement due to statement timeout" || time.Since(began) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	_, err = conn.Exec(t.Context(), "RESET statement_timeout") // a busy machine may take 50 ms for any SELECT
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Error("the session did not live on:", err)
	}
}

// Ensure that Ctrl-C ends a SELECT that computes.
func TestCancelOfSelect(t *testing.T) {
	r := serve(t, testConsole(&engines{}))
	c := r.raw(t, "stats")
	for _, sql := range []string{endless, "COPY (" + endless + ") TO STDOUT"} {
		done, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for { // the first ones may find nothing to cancel yet
				select {
				case r.cancels <- struct{}{}:
				case <-done:
					return
				}
			}
		}()
		c.send(&pgproto3.Query{String: sql})
		if got := c.until("ReadyForQuery I"); got[len(got)-2] != "ERROR 57014" {
			t.Errorf("%s: %q", sql, got)
		}
		close(done)
		<-ended
	}
}

// Ensure that Ctrl-C ends a SELECT whose rows are on their way: more of them than
// sockets hold.
func TestCancelBetweenRows(t *testing.T) {
	r := serve(t, testConsole(&engines{}))
	c := r.raw(t, "stats")
	c.send(&pgproto3.Query{String: "SELECT 'x', g, repeat('x', 1000) FROM generate_series(1, 40000) g"})
	c.until("row x")
	r.cancels <- struct{}{}
	got := c.until("ReadyForQuery I")
	if got[len(got)-2] != "ERROR 57014" {
		t.Errorf("%d messages end with %q", len(got), got[len(got)-2])
	}
}
