package livesql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// dashboardCatalog has views of the console in small.
func dashboardCatalog() *Catalog {
	at := time.Date(2024, 5, 6, 7, 8, 9, 500000000, time.UTC)
	table := func(name, list string, rows ...[]any) *Table {
		made := &Table{Name: name, Rows: func(context.Context) ([][]any, error) { return rows, nil }}
		for _, word := range strings.Fields(list) {
			column, typ, _ := strings.Cut(word, ":")
			of, _ := typeNamed(typ)
			made.Columns = append(made.Columns, Column{Name: column, Type: of})
		}
		return made
	}
	nodes := table("pool_nodes", "node_id:int4 hostname:text up:bool lb_weight:numeric delay:int8 since:timestamptz",
		[]any{0, "a.example", true, 0.25, 0, at}, []any{1, "b.example", true, 0.75, 4096, at.Add(time.Hour)},
		[]any{2, "c_x", false, 0.0, nil, nil})
	clients := table("clients", "id:int8 usr:text db:text state:text node_id:int4 wait:interval connect_time:timestamptz query:text",
		[]any{7, "app", "shop", "active", 0, time.Second, at, "select 1"},
		[]any{8, "app", "shop", "idle", 1, 90 * time.Minute, at.Add(-26 * time.Hour), ""},
		[]any{9, "joe", "shop", "active", 1, 26 * time.Hour, at.Add(25 * time.Minute), nil},
		[]any{10, "joe", "other", "waiting", nil, 1500 * time.Millisecond, at.Add(40 * 24 * time.Hour), "it's"},
		[]any{11, "ann", "other", "idle", 2, time.Duration(0), at.Add(time.Second), "a,b \"c\""})
	pools := table("pools", "database:text usr:text cl_active:int8 cl_waiting:int8 sv_idle:int4 maxwait:float8 mode:text",
		[]any{"shop", "app", 12, 0, 3, 0.0, "transaction"}, []any{"shop", "joe", 3, 2, 0, 1.75, "session"},
		[]any{"other", "joe", 0, 1, 0, 10.5, "transaction"}, []any{"other", "ann", 1, 0, 1, 0.125, "transaction"},
		[]any{"empty", "ann", 0, 0, 0, nil, nil})
	return NewCatalog([]*Table{nodes, clients, pools})
}

// TestAsPostgreSQL asks PostgreSQL the same, over tables of the same rows.
func TestAsPostgreSQL(t *testing.T) {
	cluster := pgtest.Cluster(t, 0)
	c, conn := dashboardCatalog(), cluster.Conn(0)
	load(t, c, conn)
	data, err := os.ReadFile("testdata/postgresql.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		want := asked(t.Context(), conn, sql)
		if got := answered(t.Context(), c, sql); got != want {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", sql, got, want)
		}
	}
}

func load(t *testing.T, c *Catalog, conn *pgx.Conn) {
	t.Helper()
	script := "SET TimeZone = 'UTC'; SET search_path = public; "
	for _, table := range c.tables {
		var columns []string
		for _, column := range table.Columns {
			columns = append(columns, column.Name+" "+column.Type.String())
		}
		script += "CREATE TEMP TABLE " + table.Name + " (" + strings.Join(columns, ", ") + "); "
		rows, err := table.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			values := make([]string, len(row))
			for i, v := range Normal(row) {
				values[i] = "NULL"
				if v != nil {
					values[i] = quoteText(string(AppendText(nil, v, table.Columns[i], time.UTC)))
				}
			}
			script += "INSERT INTO " + table.Name + " VALUES (" + strings.Join(values, ", ") + "); "
		}
	}
	if _, err := conn.Exec(t.Context(), script); err != nil {
		t.Fatal(err)
	}
}

// asked is PostgreSQL's answer: names and types of columns, then rows; or the SQLSTATE.
func asked(ctx context.Context, conn *pgx.Conn, sql string) string {
	rows, err := conn.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failed.Code
	}
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var heads, lines []string
	for rows.Next() {
		values := make([]string, len(rows.RawValues()))
		for i, v := range rows.RawValues() {
			values[i] = shownValue(v != nil, string(v), rows.FieldDescriptions()[i].DataTypeOID)
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	for _, f := range rows.FieldDescriptions() {
		heads = append(heads, f.Name+" "+strconv.Itoa(int(f.DataTypeOID)))
	}
	if failed, ok := errors.AsType[*pgconn.PgError](rows.Err()); ok {
		return failed.Code
	}
	return strings.Join(append([]string{strings.Join(heads, "|")}, lines...), "\n")
}

// answered is the same of a catalog.
func answered(ctx context.Context, c *Catalog, sql string) string {
	q, err := c.Prepare(sql, nil, Env{User: "bench", Database: "bench", Settings: map[string]string{"timezone": "UTC"}})
	var rows [][]any
	if err == nil {
		rows, err = q.Run(ctx, nil)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Code == codeUnsupported {
			return e.Code + " " + e.Message
		}
		return e.Code
	}
	var heads, lines []string
	for _, column := range q.Columns {
		heads = append(heads, column.Name+" "+strconv.Itoa(int(column.Type.OID())))
	}
	for _, row := range rows {
		values := make([]string, len(row))
		for i, v := range row {
			values[i] = shownValue(v != nil, string(AppendText(nil, v, q.Columns[i], time.UTC)), q.Columns[i].Type.OID())
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	return strings.Join(append([]string{strings.Join(heads, "|")}, lines...), "\n")
}

// shownValue leaves of a numeric and a double what both have: PostgreSQL shows more digits.
func shownValue(there bool, text string, oid uint32) string {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case !there:
		return "NULL"
	case err != nil || oid != Numeric.OID() && oid != Float8.OID():
		return text
	}
	return fmt.Sprintf("%.12g", f)
}
