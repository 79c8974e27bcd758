package admin

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Ensure that of the queries of those who may not look one runs at a time, and that
// none takes longer than the limit.
func TestNarrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow()
		running, most := 0, 0
		run := n.limit(func(ctx context.Context, _ func(string)) ([][]any, error) {
			running++
			most = max(most, running)
			defer func() { running-- }()
			select {
			case <-time.After(3 * time.Second):
				return [][]any{{1}}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		errs := make(chan error, 3)
		began := time.Now()
		for range 3 { // the first ends, the second is cut short, the third waits in vain
			go func() {
				_, err := run(t.Context(), nil)
				errs <- err
			}()
		}
		var late int
		for range 3 {
			if e, ok := errors.AsType[*sqlError](<-errs); ok && e.code == "57014" {
				late++
			}
		}
		if took := time.Since(began); late != 2 || most != 1 || took != narrowTimeout {
			t.Errorf("%d were late, %d ran at once, after %v", late, most, took)
		}
		if _, err := run(t.Context(), nil); err != nil {
			t.Error("the way is blocked:", err)
		}
	})
}

// Ensure that sessions go that way only when they must.
func TestWhoIsLimited(t *testing.T) {
	c := testConsole(&engines{})
	c.narrow <- struct{}{}
	if _, err := serve(t, c).connect(t, "stats", nil).Exec(t.Context(), "SELECT * FROM pg_class"); err != nil {
		t.Error(err)
	}
	if _, err := serve(t, c).connect(t, "reader", nil).Exec(t.Context(), "SHOW POOL_NODES"); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := serve(t, c).connect(t, "reader", nil).Exec(short, "SELECT * FROM pg_class"); err == nil {
		t.Error("a reader got through")
	}
}
