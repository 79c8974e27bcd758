package livesql

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// signature is a function that SQLite has, or that functions.go gives it.
type signature struct {
	args   []Type // Unknown takes any type; the last one repeats when open
	least  int    // arguments that must be given
	open   bool
	result Type   // Unknown: that of the first argument
	sql    string // the function's name there
	text   string // or what stands for the call, with $1, $2 ...
}

func (t *translation) call(s *scope, f *pg.FuncCall) (expr, error) {
	name := nameOf(f.Funcname)
	switch {
	case f.Over != nil:
		return t.windowed(s, name, f)
	case f.AggWithinGroup:
		return t.withinGroup(s, name, f)
	case f.FuncVariadic:
		return expr{}, unsupported(f.Location, "VARIADIC")
	}
	switch {
	case isAggregate(name):
		return t.aggregate(s, name, f, "")
	case isJSON(name):
		return t.jsonCall(s, name, f)
	}
	if name == "make_interval" {
		return t.makeInterval(s, f)
	}
	args, err := t.list(s, f.Args)
	if err != nil {
		return expr{}, err
	}
	if made, ok, err := t.special(name, args, f.Location); ok || err != nil {
		return made, err
	}
	sig, ok := t.catalog.functions[name]
	if !ok || len(args) < sig.least || (len(args) > len(sig.args) && !sig.open) {
		err := undefinedFunction(name, args, f.Location)
		if !ok {
			err.Hint = didYouMean(name, slices.Sorted(maps.Keys(t.catalog.functions)))
		}
		return expr{}, err
	}
	return t.apply(name, sig, args, f.Args)
}

func undefinedFunction(name string, args []expr, at int32) *Error {
	types := make([]string, len(args))
	for i, e := range args {
		types[i] = e.typ.String()
	}
	return fail(codeUndefinedFunction, at, "function %s(%s) does not exist in the console", name, strings.Join(types, ", "))
}

// apply coerces the arguments and writes the call.
func (t *translation) apply(name string, sig signature, args []expr, nodes []*pg.Node) (expr, error) {
	for i := range args {
		want := sig.args[min(i, len(sig.args)-1)]
		if want == Unknown && args[i].typ == Unknown {
			want = Text
		}
		if want == Unknown {
			continue
		}
		made, err := t.coerce(args[i], want, locationOf(nodes[i]))
		if err != nil {
			return expr{}, err
		}
		args[i] = made
	}
	result := sig.result
	if result == Unknown {
		result = args[0].typ
	}
	return expr{sql: sig.write(args), typ: result, name: name}, nil
}

// write is the call; in its text $* are all arguments.
func (sig signature) write(args []expr) string {
	if sig.text == "" {
		return sig.sql + "(" + join(args) + ")"
	}
	pairs := []string{"$*", join(args)}
	for i, e := range args {
		pairs = append(pairs, "$"+strconv.Itoa(i+1), e.sql)
	}
	return strings.NewReplacer(pairs...).Replace(sig.text)
}

// special are functions that depend on the session or on the types given.
func (t *translation) special(name string, args []expr, at int32) (expr, bool, error) {
	text := func(value string) (expr, bool, error) {
		return expr{sql: quoteText(value), typ: Text, name: name}, true, nil
	}
	switch name {
	case "version":
		return text(t.env.Version)
	case "current_database":
		return text(t.env.Database)
	case "current_schema":
		return text("public")
	case "set_config":
		if len(args) == 3 {
			e, err := t.asText(args[1])
			e.name = name
			return e, true, err
		}
	case "current_setting":
		if len(args) > 0 {
			return text(t.env.Settings[strings.ToLower(args[0].text)])
		}
	case "substring":
		if len(args) == 2 && isPattern(args[1]) {
			return t.substringPattern(args, at)
		}
	case "concat", "concat_ws", "format":
		return t.ofTexts(name, args)
	case "num_nulls", "num_nonnulls":
		if len(args) > 0 {
			return counted(name, args), true, nil
		}
	case "pg_typeof":
		if len(args) == 1 {
			return text(args[0].typ.String())
		}
	}
	if made, ok, err := t.ofTimes(name, args, at); ok || err != nil {
		return made, ok, err
	}
	if made, ok, err := t.ofArrays(name, args, at); ok || err != nil {
		return made, ok, err
	}
	return t.ofNumbers(name, args, at)
}

// counted counts the arguments that are NULL, or that are not.
func counted(name string, args []expr) expr {
	word := map[bool]string{true: " IS NULL", false: " IS NOT NULL"}[name == "num_nulls"]
	parts := make([]string, len(args))
	for i, e := range args {
		parts[i] = "(" + e.sql + word + ")"
	}
	return expr{sql: "(" + strings.Join(parts, " + ") + ")", typ: Int4, name: name}
}

// ofTexts are the functions that take anything, as text.
func (t *translation) ofTexts(name string, args []expr) (expr, bool, error) {
	if name != "concat" && len(args) == 0 {
		return expr{}, false, nil
	}
	parts := make([]expr, len(args))
	for i, e := range args {
		made, err := t.asText(e)
		if err != nil {
			return expr{}, true, err
		}
		if e.typ == Bool { // as it is printed, which its cast to text is not
			made.sql = "substr(" + made.sql + ", 1, 1)"
		}
		parts[i] = made
	}
	return expr{sql: "pg_" + name + "(" + join(parts) + ")", typ: Text, name: name}, true, nil
}

func isAggregate(name string) bool {
	switch name {
	case "count", "sum", "avg", "min", "max", "string_agg", "array_agg", "bool_and", "bool_or", "every",
		"stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop":
		return true
	}
	return isJSONAggregate(name)
}

// aggregate translates a call of an aggregate; over is a window's OVER (...).
func (t *translation) aggregate(s *scope, name string, f *pg.FuncCall, over string) (expr, error) {
	if over == "" {
		leave, err := s.enterAggregate(f.Location)
		if err != nil {
			return expr{}, err
		}
		defer leave()
	}
	tail, err := t.filter(s, f)
	if err != nil {
		return expr{}, err
	}
	tail += over
	if f.AggStar {
		return expr{sql: "count(*)" + tail, typ: Int8, name: name}, nil
	}
	made, args, err := t.aggregated(s, name, f)
	if err != nil {
		return made, err
	}
	distinct := ""
	if f.AggDistinct {
		distinct = "DISTINCT "
		if name == "string_agg" {
			made.sql = "pg_joined(pg_array(" + args[1].sql + ", " + args[0].sql + "))"
		}
	}
	order, err := t.order(s, f.AggOrder, nil)
	if f.AggDistinct && order == "" && len(args) > 0 { // as what PostgreSQL makes distinct is sorted
		order = " ORDER BY " + args[0].sql + " NULLS LAST"
	}
	function, rest, _ := strings.Cut(made.sql, "(")
	made.sql = function + "(" + distinct + rest[:len(rest)-1] + order + ")" + tail
	switch {
	case made.typ.array():
		made.sql = "('{' || " + made.sql + " || '}')"
	case made.typ == JSONB && isJSONAggregate(name):
		made.sql = "pg_jsonb(" + made.sql + ")"
	}
	made.name = name
	return made, err
}

// enterAggregate begins the arguments of an aggregate, if one may stand here.
func (s *scope) enterAggregate(at int32) (leave func(), err error) {
	outside := s.clause
	if outside != inTargets && outside != inHaving {
		return nil, fail(codeGrouping, at, "aggregate functions are not allowed in %s", outside)
	}
	s.grouping.applies = true
	s.clause = inAggregate
	return func() { s.clause = outside }, nil
}

func (t *translation) filter(s *scope, f *pg.FuncCall) (string, error) {
	if f.AggFilter == nil {
		return "", nil
	}
	e, err := t.boolean(s, f.AggFilter)
	return " FILTER (WHERE " + e.sql + ")", err
}

// aggregated types an aggregate; its sql has nothing behind the arguments.
func (t *translation) aggregated(s *scope, name string, f *pg.FuncCall) (made expr, args []expr, err error) {
	if isJSONAggregate(name) {
		made, err = t.jsonAggregate(s, name, f)
		return made, nil, err
	}
	if args, err = t.list(s, f.Args); err != nil {
		return expr{}, nil, err
	}
	made, err = t.aggregateOf(name, args, f.Location)
	return made, args, err
}

func (t *translation) aggregateOf(name string, args []expr, at int32) (expr, error) {
	wrong := func() (expr, error) { return expr{}, undefinedFunction(name, args, at) }
	if name == "string_agg" {
		if len(args) != 2 || args[0].typ != Text {
			return wrong()
		}
		var err error
		args[1], err = t.coerce(args[1], Text, at)
		return expr{sql: "group_concat(" + join(args) + ")", typ: Text}, err
	}
	if len(args) != 1 {
		return wrong()
	}
	e := args[0]
	switch name {
	case "array_agg":
		return t.arrayOf(e, at)
	case "count":
		return expr{sql: "count(" + e.sql + ")", typ: Int8}, nil
	case "bool_and", "every", "bool_or":
		if e.typ != Bool {
			return wrong()
		}
		return expr{sql: map[bool]string{true: "max", false: "min"}[name == "bool_or"] + "(" + e.sql + ")", typ: Bool}, nil
	case "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop":
		if !e.typ.numeric() {
			return wrong()
		}
		sql := map[string]string{"stddev": "stddev_samp", "variance": "var_samp"}[name]
		typ := map[bool]Type{true: Float8, false: Numeric}[e.typ == Float8]
		return expr{sql: "pg_" + cmp.Or(sql, name) + "(" + e.sql + ")", typ: typ}, nil
	case "min", "max":
		if e.typ == Bool || e.typ.json() {
			return wrong()
		}
		e, err := t.coerce(e, known(e.typ), at)
		return expr{sql: name + "(" + e.sql + ")", typ: e.typ, scale: e.scale}, err
	}
	result, ok := map[Type]Type{Int4: Int8, Int8: Numeric, Numeric: Numeric, Float8: Float8, Interval: Interval}[e.typ]
	if !ok {
		return wrong()
	}
	if name == "avg" && result == Int8 {
		result = Numeric
	}
	return expr{sql: name + "(" + e.sql + ")", typ: result, scale: e.scale}, nil
}

// arrayOf is array_agg; the elements are put into brackets later.
func (t *translation) arrayOf(e expr, at int32) (expr, error) {
	typ, err := arrayType(e.typ, at)
	if err != nil {
		return expr{}, err
	}
	item, err := t.asText(e)
	return expr{sql: "group_concat(pg_array_item(" + item.sql + "))", typ: typ}, err
}

// valueFunction is current_user and its kin, which have no brackets.
func (t *translation) valueFunction(f *pg.SQLValueFunction) (expr, error) {
	user := expr{sql: quoteText(t.env.User), typ: Text}
	switch f.Op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N:
		return expr{sql: "pg_now()", typ: Timestamptz, name: "current_timestamp"}, nil
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP, pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		return expr{sql: "pg_now()", typ: Timestamp, name: "localtimestamp"}, nil
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:
		return expr{sql: "pg_today()", typ: Date, name: "current_date"}, nil
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_USER, pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE:
		user.name = "current_user"
		return user, nil
	case pg.SQLValueFunctionOp_SVFOP_USER:
		user.name = "user"
		return user, nil
	case pg.SQLValueFunctionOp_SVFOP_SESSION_USER:
		user.name = "session_user"
		return user, nil
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:
		return expr{sql: quoteText(t.env.Database), typ: Text, name: "current_catalog"}, nil
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA:
		return expr{sql: "'public'", typ: Text, name: "current_schema"}, nil
	}
	return expr{}, unsupported(f.Location, "this function")
}
