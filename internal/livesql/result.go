package livesql

import (
	"database/sql/driver"
	"strconv"
	"strings"

	"modernc.org/sqlite"
)

// result collects a query's rows. It is an aggregate in SQLite, so the whole query is
// one step there, which the end of a context interrupts; between the rows of a query
// nothing would.
type result struct {
	rows [][]any
	size int
}

// collecting is the query whose only row comes when all have been collected.
func (q *Query) collecting() string {
	columns := make([]string, len(q.Columns))
	for i := range columns {
		columns[i] = quoteName("c" + strconv.Itoa(i))
	}
	list := strings.Join(columns, ", ")
	return "WITH result(" + list + ") AS (" + q.sql + ") SELECT pg_collect(" + list + ") FROM result"
}

func (r *result) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	row := make([]any, len(args))
	for i, v := range args {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		if s, ok := v.(string); ok {
			r.size += len(s)
		}
		row[i] = v
		r.size += 16
	}
	if r.rows = append(r.rows, row); len(r.rows) > maxRows || r.size > maxSize {
		return coded(fail(codeTooLarge, -1, "the result is too large"))
	}
	return nil
}

func (r *result) WindowInverse(*sqlite.FunctionContext, []driver.Value) error { return nil }
func (r *result) WindowValue(*sqlite.FunctionContext) (driver.Value, error)   { return nil, nil }
func (r *result) Final(*sqlite.FunctionContext)                               {}
