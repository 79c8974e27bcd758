package livesql

import (
	"fmt"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// In SQLite a subquery in FROM does not see the relations beside it, but the argument of
// json_each does. So what is LATERAL, and functions that give rows, become JSON arrays.

// setReturning is a function that gives rows: sql is a JSON array of their values.
type setReturning struct {
	sql  string
	typ  Type
	name string
}

func isSetReturning(call *pg.FuncCall) bool {
	if call == nil || call.Over != nil {
		return false
	}
	switch nameOf(call.Funcname) {
	case "generate_series", "unnest", "regexp_split_to_table", "string_to_table", "regexp_matches",
		"json_array_elements", "jsonb_array_elements", "json_array_elements_text", "jsonb_array_elements_text":
		return true
	}
	return false
}

func (t *translation) setReturning(s *scope, call *pg.FuncCall) (setReturning, error) {
	defer func(outside clause) { s.clause = outside }(s.clause)
	s.clause = inRows
	name := nameOf(call.Funcname)
	args, err := t.list(s, call.Args)
	if err != nil {
		return setReturning{}, err
	}
	made := setReturning{name: name, typ: Text}
	switch name {
	case "generate_series":
		made.typ, err = t.seriesOf(args, call)
		made.sql = "pg_series_json(" + join(args) + ")"
		if len(args) == 3 && args[2].months != 0 {
			made.sql = fmt.Sprintf("pg_month_series(%s, %d, %d)", join(args[:2]), args[2].months, args[2].rest)
		}
		return made, err
	case "unnest":
		if len(args) != 1 || !args[0].typ.array() {
			return made, undefinedFunction(name, args, call.Location)
		}
		made.typ = args[0].typ.element()
		made.sql = "pg_array_json(" + args[0].sql + ", " + boolean(made.typ.integer()).sql + ")"
		return made, nil
	case "regexp_matches":
		made.typ = TextArray
	case "json_array_elements", "jsonb_array_elements":
		made.typ = jsonType(name)
	}
	sig, ok := map[string]signature{
		"regexp_split_to_table":     {args: []Type{Text, Text, Text}, least: 2, text: "pg_array_json(pg_split_re($*), 0)"},
		"string_to_table":           {args: []Type{Text, Text, Text}, least: 2, text: "pg_array_json(pg_string_to_array($*), 0)"},
		"json_array_elements":       {args: []Type{JSON}, least: 1, text: "pg_json_elements($1, 0)"},
		"jsonb_array_elements":      {args: []Type{JSONB}, least: 1, text: "pg_json_elements($1, 0)"},
		"json_array_elements_text":  {args: []Type{JSON}, least: 1, text: "pg_json_elements($1, 1)"},
		"jsonb_array_elements_text": {args: []Type{JSONB}, least: 1, text: "pg_json_elements($1, 1)"},
		"regexp_matches":            {args: []Type{Text, Text, Text}, least: 2, text: "pg_matches_json($*)"},
	}[name]
	if !ok || len(args) < sig.least || len(args) > len(sig.args) {
		return made, undefinedFunction(name, args, call.Location)
	}
	e, err := t.apply(name, sig, args, call.Args)
	made.sql = e.sql
	return made, err
}

// relation has the values in its first column, and their numbers in the second.
func (r setReturning) relation(alias string) relation {
	return relation{name: r.name, alias: alias, columns: []Column{{Name: r.name, Type: r.typ}, {Name: "ordinality", Type: Int8}},
		refs: []string{alias + ".value", "(" + alias + ".key + 1)"}}
}

// rangeFunction is a function in FROM. The alias of one that gives one column is that
// column's, too.
func (t *translation) rangeFunction(s *scope, f *pg.RangeFunction) (string, error) {
	if f.IsRowsfrom || len(f.Coldeflist) > 0 || len(f.Functions) != 1 {
		return "", unsupported(-1, "this kind of function in FROM")
	}
	call := f.Functions[0].GetList().GetItems()[0].GetFuncCall()
	if !isSetReturning(call) {
		return "", unsupported(call.GetLocation(), "this function in FROM")
	}
	if nameOf(call.Funcname) == "generate_series" && !f.Ordinality {
		if text, ok := t.plainSeries(s, f, call); ok {
			return text, nil
		}
	}
	rows, err := t.setReturning(s, call)
	if err != nil {
		return "", err
	}
	made := rows.relation(t.alias())
	if !f.Ordinality {
		made.columns = made.columns[:1]
	}
	if f.Alias != nil {
		made.columns[0].Name = f.Alias.Aliasname
	}
	return t.enter(s, made, f.Alias, "json_each("+rows.sql+")", call.Location)
}

// inTarget is such a function in a select list: its rows are joined with those of FROM.
func (t *translation) inTarget(s *scope, q *pg.SelectStmt, call *pg.FuncCall) (expr, error) {
	if s.joined != "" || len(q.GroupClause) > 0 || q.HavingClause != nil {
		return expr{}, unsupported(call.Location, "a function that gives rows beside another one, or with GROUP BY, in a select list")
	}
	rows, err := t.setReturning(s, call)
	if err != nil {
		return expr{}, err
	}
	alias := t.alias()
	s.joined = "json_each(" + rows.sql + ") AS " + alias
	return expr{sql: alias + ".value", typ: rows.typ, name: rows.name}, nil
}

// lateral is a subquery that sees the relations on its left. Each of its rows becomes an
// array.
func (t *translation) lateral(s *scope, r *pg.RangeSubselect) (string, error) {
	made, err := t.query(s, r.Subquery.GetSelectStmt())
	if err != nil {
		return "", err
	}
	relation := relation{columns: made.columns, alias: t.alias()}
	columns := make([]expr, len(made.columns))
	for i := range columns {
		columns[i].sql = quoteName("c" + strconv.Itoa(i))
		relation.refs = append(relation.refs, fmt.Sprintf("json_extract(%s.value, '$[%d]')", relation.alias, i))
	}
	list := join(columns)
	text := "json_each((WITH x(" + list + ") AS (" + made.sql + ") SELECT json_group_array(json_array(" + list + ")) FROM x))"
	return t.enter(s, relation, r.Alias, text, -1)
}
