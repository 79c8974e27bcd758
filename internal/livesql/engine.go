package livesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite"
	"modernc.org/sqlite/vtab"
)

// engine carries out one query, in an in-memory database of its own.
type engine struct {
	query     *Query
	now       time.Time
	snapshots map[string][][]any // rows of the tables that are read
	patterns  map[string]matcher
	result    result
}

// collect asks every table for its rows, once.
func (e *engine) collect(ctx context.Context) error {
	for _, t := range e.query.tables {
		rows, err := t.Rows(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		normal := make([][]any, len(rows))
		for i, row := range rows {
			normal[i] = Normal(row)
		}
		e.snapshots[t.Name] = normal
	}
	return nil
}

// The database is empty but for its virtual tables; strings in double quotes are
// names, and sorting does not use files.
const dsn = ":memory:?_dqs=0&_defensive=1&_pragma=temp_store(memory)&_pragma=case_sensitive_like(1)"

func (e *engine) run(ctx context.Context, args []any) (result [][]any, err error) {
	if err := countHeap(); err != nil {
		return nil, err
	}
	d := &sqlite.Driver{}
	if err := e.register(d); err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{d})
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := e.prepare(ctx, conn); err != nil {
		return nil, err
	}
	err = conn.QueryRowContext(ctx, e.query.collecting(), args...).Scan(new(any))
	return e.result.rows, err
}

// connector opens the databases of one driver.
type connector struct{ driver *sqlite.Driver }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

func (e *engine) prepare(ctx context.Context, conn *sql.Conn) error {
	if err := bounded(ctx, conn); err != nil {
		return err
	}
	for _, t := range e.query.tables {
		name := quoteName(t.Name)
		if _, err := conn.ExecContext(ctx, "CREATE VIRTUAL TABLE "+name+" USING live("+name+")"); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, "PRAGMA query_only = 1")
	return err
}

// Create and Connect make the engine a vtab.Module whose tables are the query's.
func (e *engine) Create(ctx vtab.Context, args []string) (vtab.Table, error) {
	name := strings.Trim(args[len(args)-1], `"`)
	for _, t := range e.query.tables {
		if t.Name == name {
			return &liveTable{rows: e.snapshots[name], lookups: map[int]lookup{}}, ctx.Declare("CREATE TABLE x (" + names(t.Columns) + ")")
		}
	}
	return nil, fmt.Errorf("no table %q", name)
}

func (e *engine) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	return e.Create(ctx, args)
}

// liveTable is one snapshot.
type liveTable struct {
	rows    [][]any
	lookups map[int]lookup // by column
}

func (t *liveTable) Open() (vtab.Cursor, error) { return &cursor{table: t}, nil }
func (t *liveTable) Disconnect() error          { return nil }
func (t *liveTable) Destroy() error             { return nil }

// cursor walks over a snapshot, or over those of its rows that were looked up.
type cursor struct {
	table  *liveTable
	all    bool
	chosen []int // unless all
	at     int
}

func (c *cursor) Next() error           { c.at++; return nil }
func (c *cursor) Rowid() (int64, error) { return int64(c.row()), nil }
func (c *cursor) Close() error          { return nil }

func (c *cursor) Column(i int) (vtab.Value, error) {
	if row := c.table.rows[c.row()]; i >= 0 && i < len(row) {
		return row[i], nil
	}
	return nil, nil
}
