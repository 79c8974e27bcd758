package livesql

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what was answered into testdata")

func testCatalog() *Catalog {
	at := time.Date(2024, 5, 6, 7, 8, 9, 500000000, time.UTC)
	nodes := &Table{Name: "pool_nodes", Columns: []Column{{Name: "node_id", Type: Int4}, {Name: "hostname", Type: Text},
		{Name: "up", Type: Bool}, {Name: "lb_weight", Type: Numeric, Scale: 6}, {Name: "delay", Type: Int8}, {Name: "since", Type: Timestamptz}},
		Rows: func(context.Context) ([][]any, error) {
			return [][]any{{0, "a.example", true, 1.0 / 3, uint64(0), at}, {1, "B.example", true, 2.0 / 3, uint64(4096), at.Add(time.Hour)},
				{2, "c_x", false, 0.0, nil, time.Time{}}}, nil
		}}
	clients := &Table{Name: "clients", Columns: []Column{{Name: "id", Type: Int8}, {Name: "node_id", Type: Int4}, {Name: "wait", Type: Interval}},
		Rows: func(context.Context) ([][]any, error) {
			return [][]any{{7, 0, time.Second}, {8, 1, 90 * time.Minute}, {9, 1, 26 * time.Hour}}, nil
		}}
	return NewCatalog([]*Table{nodes, clients})
}

// TestQueries plays testdata/queries.txt: a query, "----", and its answer.
func TestQueries(t *testing.T) {
	const file = "testdata/queries.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := testCatalog()
	var played []string
	for _, block := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		sql, want, _ := strings.Cut(block, "\n----")
		want = strings.TrimSpace(want)
		got := answer(t.Context(), c, sql, nil)
		if got != want && !*rewrite {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", sql, got, want)
		}
		played = append(played, sql+"\n----\n"+got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(played, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answer prints columns with their types, and rows.
func answer(ctx context.Context, c *Catalog, sql string, args []any) string {
	q, err := c.Prepare(sql, nil, Env{User: "joe", Database: "pgpool", Version: "pgherd"})
	var rows [][]any
	if err == nil {
		rows, err = q.Run(ctx, args)
	}
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return err.Error()
		}
		return fmt.Sprintf("%s at %d: %s", e.Code, e.Position, e.Message)
	}
	var lines, heads []string
	for _, col := range q.Columns {
		heads = append(heads, col.Name+" "+known(col.Type).facts().name)
	}
	lines = append(lines, strings.Join(heads, "|"))
	for _, row := range rows {
		var values []string
		for i, v := range row {
			text := "NULL"
			if v != nil {
				text = string(AppendText(nil, v, q.Columns[i], time.UTC))
			}
			values = append(values, text)
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	return strings.Join(lines, "\n")
}

// A product that would take hours ends with its context.
func TestRunIsCancelled(t *testing.T) {
	rows := make([][]any, 5000)
	for i := range rows {
		rows[i] = []any{i}
	}
	c := NewCatalog([]*Table{{Name: "t", Columns: []Column{{Name: "n", Type: Int4}},
		Rows: func(context.Context) ([][]any, error) { return rows, nil }}})
	q, err := c.Prepare("SELECT count(*) FROM t a, t b, t c WHERE a.n + b.n + c.n < 0", nil, Env{})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, stop)
	defer cancel()
	began := time.Now()
	if _, err := q.Run(ctx, nil); !errors.Is(err, stop) || time.Since(began) > 10*time.Second {
		t.Errorf("ended after %v with %v", time.Since(began), err)
	}
}

func TestParameters(t *testing.T) {
	q, err := testCatalog().Prepare("SELECT hostname, $2 FROM pool_nodes WHERE node_id = $1 AND since > $3", nil, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(q.Params, q.Reads); got != "[23 25 1184] [pool_nodes]" {
		t.Error("parameters and tables are", got)
	}
	since, err := DecodeParam(1184, 0, []byte("2024-01-01 00:00:00+01"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := q.Run(t.Context(), []any{int64(1), "x", since})
	if got := fmt.Sprint(rows, err); got != "[[B.example x]] <nil>" {
		t.Error(got)
	}
}

func TestBinary(t *testing.T) {
	for _, c := range []struct {
		column Column
		value  any
	}{{Column{Type: Int4}, int64(-5)}, {Column{Type: Int8}, int64(1) << 40}, {Column{Type: Float8}, 1.5}, {Column{Type: Numeric, Scale: 2}, 2.25},
		{Column{Type: Bool}, int64(1)}, {Column{Type: Timestamptz}, int64(1714979289500000)}, {Column{Type: Interval}, int64(90e6)},
		{Column{Type: Date}, 19849 * day}, {Column{Type: Timestamp}, int64(1714979289500000)},
		{Column{Type: Text}, "é"}} {
		b, err := AppendBinary(nil, c.value, c.column)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeParam(c.column.Type.OID(), 1, b); err != nil || got != c.value {
			t.Errorf("%s: %v became %v, %v", c.column.Type, c.value, got, err)
		}
	}
}

// Ensure that what a signature stands for is there in SQLite.
func TestFunctionsExist(t *testing.T) {
	c := testCatalog()
	for name, sig := range c.functions {
		args := make([]string, sig.least)
		for i, typ := range sig.args[:sig.least] {
			args[i] = "NULL::" + known(typ).facts().name
		}
		sql := "SELECT " + name + "(" + strings.Join(args, ", ") + ")"
		if name == "position" || name == "substring" || name == "overlay" {
			sql = "SELECT pg_catalog." + name + "(" + strings.Join(args, ", ") + ")"
		}
		if got := answer(t.Context(), c, sql, nil); !strings.Contains(got, "\n") {
			t.Errorf("%s: %s", sql, got)
		}
	}
}

// FuzzPrepare: whatever is said, the answer is a query that runs or an *Error.
func FuzzPrepare(f *testing.F) {
	data, err := os.ReadFile("testdata/queries.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, block := range strings.Split(string(data), "\n\n") {
		sql, _, _ := strings.Cut(block, "\n----")
		f.Add(sql)
		f.Add("copy (" + sql + ") to stdout (format csv, header)")
	}
	if data, err = os.ReadFile("testdata/postgresql.txt"); err != nil {
		f.Fatal(err)
	}
	for _, sql := range strings.Split(string(data), "\n\n") {
		f.Add(sql)
	}
	c := dashboardCatalog()
	f.Fuzz(func(t *testing.T, sql string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		q, err := c.Prepare(sql, nil, Env{})
		if err == nil {
			_, err = q.Run(ctx, make([]any, len(q.Params)))
		} else if made, failed := c.PrepareCopy(sql, Env{}); failed != nil {
			err = failed
		} else {
			_, err = made.Run(ctx, nil)
		}
		if _, ok := errors.AsType[*Error](err); err != nil && !ok && ctx.Err() == nil {
			t.Errorf("%s: %v", sql, err)
		}
	})
}
