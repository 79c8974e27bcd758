package livesql

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// rangeFunction is a function in FROM: there is generate_series.
func (t *translation) rangeFunction(s *scope, f *pg.RangeFunction) (string, error) {
	if f.Lateral || f.Ordinality || f.IsRowsfrom || len(f.Coldeflist) > 0 || len(f.Functions) != 1 {
		return "", unsupported(-1, "this kind of function in FROM")
	}
	call := f.Functions[0].GetList().GetItems()[0].GetFuncCall()
	if call == nil || nameOf(call.Funcname) != "generate_series" || len(call.Args) < 2 || len(call.Args) > 3 {
		return "", unsupported(call.GetLocation(), "a function in FROM, but generate_series,")
	}
	text, typ, err := t.series(call)
	if err != nil {
		return "", err
	}
	column := "generate_series"
	if f.Alias != nil { // the alias of a function that gives one column is that column's, too
		column = f.Alias.Aliasname
	}
	made := relation{name: "generate_series", columns: []Column{{Name: column, Type: typ}}}
	return t.enter(s, made, f.Alias, fmt.Sprintf(text, quoteName(column)), call.Location)
}

// series is the rows from a beginning to an end, both included: whole numbers, or
// times. The text wants the name of the column.
func (t *translation) series(call *pg.FuncCall) (text string, typ Type, err error) {
	args, err := t.list(&scope{}, call.Args)
	if err != nil {
		return "", typ, err
	}
	bounds := args[:2]
	if typ, err = t.common(bounds, call.Location); err != nil {
		return "", typ, err
	}
	step := expr{sql: "1", typ: typ}
	if typ.temporal() {
		typ = map[bool]Type{true: Timestamptz, false: typ}[typ == Date]
		step.typ = Interval
	}
	if len(args) == 3 {
		if step, err = t.coerce(args[2], step.typ, locationOf(call.Args[2])); err != nil {
			return "", typ, err
		}
	}
	if !typ.integer() && (!typ.temporal() || len(args) < 3) {
		return "", typ, undefinedFunction("generate_series", args, call.Location)
	}
	return seriesSQL(bounds[0].sql, bounds[1].sql, step.sql), typ, nil
}

// seriesSQL has pg_step refuse what would never end, or not soon.
func seriesSQL(from, to, step string) string {
	return "(WITH RECURSIVE s(n, e, d) AS (SELECT " + from + ", " + to + ", pg_step(" + step + ", " + from + ", " + to + ")" +
		" UNION ALL SELECT n + d, e, d FROM s WHERE CASE WHEN d > 0 THEN n + d <= e ELSE n + d >= e END)" +
		" SELECT n AS %s FROM s WHERE CASE WHEN d > 0 THEN n <= e ELSE n >= e END)"
}
