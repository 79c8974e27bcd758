package livesql

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// plainSeries is generate_series in FROM whose arguments are none of a relation's columns.
// Those are left to setReturning, as is a step of months.
func (t *translation) plainSeries(s *scope, f *pg.RangeFunction, call *pg.FuncCall) (string, bool) {
	args, err := t.list(&scope{}, call.Args)
	if err != nil {
		return "", false
	}
	typ, err := t.seriesOf(args, call)
	if err != nil || len(args) == 3 && args[2].months != 0 {
		return "", false
	}
	column := "generate_series"
	if f.Alias != nil {
		column = f.Alias.Aliasname
	}
	if len(args) == 2 {
		args = append(args, expr{sql: "1"})
	}
	made := relation{name: "generate_series", columns: []Column{{Name: column, Type: typ}}}
	text, err := t.enter(s, made, f.Alias, fmt.Sprintf(seriesSQL(args[0].sql, args[1].sql, args[2].sql), quoteName(column)), call.Location)
	return text, err == nil
}

// seriesOf types the rows from a beginning to an end, both included: whole numbers, or
// times.
func (t *translation) seriesOf(args []expr, call *pg.FuncCall) (Type, error) {
	if len(args) < 2 || len(args) > 3 {
		return Unknown, undefinedFunction("generate_series", args, call.Location)
	}
	typ, err := t.common(args[:2], call.Location)
	if err != nil {
		return typ, err
	}
	step := typ
	if typ.temporal() {
		typ = map[bool]Type{true: Timestamptz, false: typ}[typ == Date]
		step = Interval
	}
	if len(args) == 3 {
		if args[2], err = t.coerce(args[2], step, locationOf(call.Args[2])); err != nil {
			return typ, err
		}
	}
	if !typ.integer() && (!typ.temporal() || len(args) < 3) {
		return typ, undefinedFunction("generate_series", args, call.Location)
	}
	return typ, nil
}

// seriesSQL has pg_step refuse what would never end, or not soon.
func seriesSQL(from, to, step string) string {
	return "(WITH RECURSIVE s(n, e, d) AS (SELECT " + from + ", " + to + ", pg_step(" + step + ", " + from + ", " + to + ")" +
		" UNION ALL SELECT n + d, e, d FROM s WHERE CASE WHEN d > 0 THEN n + d <= e ELSE n + d >= e END)" +
		" SELECT n AS %s FROM s WHERE CASE WHEN d > 0 THEN n <= e ELSE n >= e END)"
}

// seriesJSON is a series whose bounds are known only when the query runs.
func seriesJSON(a []driver.Value) (driver.Value, error) {
	by := driver.Value(int64(1))
	if len(a) > 2 {
		by = a[2]
	}
	if _, err := step([]driver.Value{by, a[0], a[1]}); err != nil {
		return nil, err
	}
	var list []string
	for n, d := asInt(a[0]), asInt(by); d > 0 && n <= asInt(a[1]) || d < 0 && n >= asInt(a[1]); n += d {
		list = append(list, strconv.FormatInt(n, 10))
	}
	return "[" + strings.Join(list, ",") + "]", nil
}
