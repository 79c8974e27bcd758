package livesql

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// numbers is a table t of n rows.
func numbers(n int) *Catalog {
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{i}
	}
	return NewCatalog([]*Table{{Name: "t", Columns: []Column{{Name: "n", Type: Int4}},
		Rows: func(context.Context) ([][]any, error) { return rows, nil }}})
}

// Ensure that what a query needs is bounded, whatever it makes of few rows, and that
// the next one has room again.
func TestMemoryIsBounded(t *testing.T) {
	c := numbers(1000)
	for _, sql := range []string{
		"53200: SELECT count(*) FROM (SELECT n FROM t ORDER BY repeat('x', 1000000) || n::text OFFSET 1) x",
		"53200: SELECT count(*) FROM (SELECT DISTINCT repeat('x', 1000000) || n::text FROM t) x",
		"54000: SELECT length(string_agg(repeat('x', 1000000), ',')) FROM t",
		"54000: SELECT repeat('x', 1000000), n FROM t",
		"54000: SELECT length(replace(repeat('x', 1000000), 'x', repeat('y', 1000000)))",
		"54000: SELECT length(regexp_replace(repeat('x', 1000000), 'x', repeat('y', 1000000), 'g'))",
		"54000: SELECT length(concat(" + strings.Repeat("repeat('x', 1000000), ", 100) + "1))",
	} {
		code, text, _ := strings.Cut(sql, ": ")
		if got := answer(t.Context(), c, text, nil); !strings.HasPrefix(got, code) {
			t.Errorf("%.80s: %.200s", text, got)
		}
		if got := answer(t.Context(), c, "SELECT count(*) FROM t", nil); got != "count int8\n1000" {
			t.Errorf("after %.80s: %s", text, got)
		}
	}
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	if metrics.Read(sample); sample[0].Value.Uint64() > 2<<30 {
		t.Errorf("the process has come to %d MiB", sample[0].Value.Uint64()>>20)
	}
}

// Ensure that a query ends with its context also when its first rows are there.
func TestRunIsCancelledBetweenRows(t *testing.T) {
	q, err := numbers(100000).Prepare("SELECT a.n FROM t a, t b, t c WHERE a.n + b.n + c.n = 0 OR a.n + b.n + c.n < 0", nil, Env{})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, stop)
	defer cancel()
	done := make(chan string, 1)
	go func() {
		rows, err := q.Run(ctx, nil)
		done <- fmt.Sprint(rows, err)
	}()
	select {
	case got := <-done:
		if got != "[] stop" {
			t.Error(got)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the query goes on without its context")
	}
}
