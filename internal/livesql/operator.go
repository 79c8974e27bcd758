package livesql

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// operation translates what the grammar calls an A_Expr.
func (t *translation) operation(s *scope, a *pg.A_Expr) (expr, error) {
	name := a.Name[len(a.Name)-1].GetString_().Sval
	switch a.Kind {
	case pg.A_Expr_Kind_AEXPR_OP:
		return t.operator(s, name, a)
	case pg.A_Expr_Kind_AEXPR_DISTINCT:
		return t.distinctFrom(s, "IS NOT", a)
	case pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return t.distinctFrom(s, "IS", a)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		pair, err := t.pair(s, a)
		return expr{sql: "nullif(" + join(pair) + ")", typ: pair[0].typ, scale: pair[0].scale, name: "nullif"}, err
	case pg.A_Expr_Kind_AEXPR_IN:
		return t.in(s, name, a)
	case pg.A_Expr_Kind_AEXPR_LIKE, pg.A_Expr_Kind_AEXPR_ILIKE:
		return t.like(s, name, a.Kind == pg.A_Expr_Kind_AEXPR_ILIKE, a)
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		return t.between(s, a)
	case pg.A_Expr_Kind_AEXPR_SIMILAR:
		return t.similar(s, name, a)
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		return t.anyOf(s, name, a)
	}
	return expr{}, unsupported(a.Location, "this kind of expression")
}

func (t *translation) operator(s *scope, name string, a *pg.A_Expr) (expr, error) {
	if a.Lexpr == nil {
		return t.prefix(s, name, a)
	}
	switch name {
	case "=", "<>", "<", ">", "<=", ">=":
		return t.compare(s, name, a.Lexpr, a.Rexpr, a.Location)
	case "~", "~*", "!~", "!~*":
		return t.matches(s, name, a)
	case "~~", "!~~":
		return t.like(s, name, false, a)
	case "~~*", "!~~*":
		return t.like(s, name, true, a)
	case "||":
		return t.concatenation(s, a)
	case "+", "-", "*", "/", "%":
		return t.arithmetic(s, name, a)
	case "^", "&", "|", "<<", ">>", "#":
		return t.numeric(s, name, a)
	case "->", "->>":
		return t.member(s, name, a)
	case "^@":
		pair, err := t.texts(s, name, a.Lexpr, a.Rexpr, a.Location)
		return condition("pg_starts_with(" + join(pair) + ")"), err
	}
	return expr{}, fail(codeUndefinedFunction, a.Location, "operator %s cannot be used in the console", name)
}

// numeric are the operators that numbers alone have: ^, and those on bits.
func (t *translation) numeric(s *scope, name string, a *pg.A_Expr) (expr, error) {
	pair, err := t.pair(s, a)
	if err != nil {
		return expr{}, err
	}
	l, r := pair[0], pair[1]
	switch {
	case name == "^" && l.typ == Numeric:
		return expr{sql: "pg_power(" + join(pair) + ")", typ: Numeric}, nil
	case name == "^" && l.typ.numeric():
		return expr{sql: "pg_power(" + join(pair) + ")", typ: Float8}, nil
	case name == "#" && l.typ.integer():
		return expr{sql: "((" + l.sql + " | " + r.sql + ") & ~(" + l.sql + " & " + r.sql + "))", typ: l.typ}, nil
	case name != "^" && l.typ.integer():
		return expr{sql: "(" + l.sql + " " + name + " " + r.sql + ")", typ: l.typ}, nil
	}
	return expr{}, mismatch(name, l.typ, r.typ, a.Location)
}

func (t *translation) prefix(s *scope, name string, a *pg.A_Expr) (expr, error) {
	e, err := t.expression(s, a.Rexpr)
	if err != nil {
		return e, err
	}
	switch {
	case name == "~" && e.typ.integer():
		return expr{sql: "(~ " + e.sql + ")", typ: e.typ}, nil
	case name == "@" && e.typ.numeric():
		return expr{sql: "abs(" + e.sql + ")", typ: e.typ, scale: e.scale}, nil
	case name == "|/" && e.typ.numeric():
		return expr{sql: "pg_sqrt(" + e.sql + ")", typ: Float8}, nil
	}
	if (name != "-" && name != "+") || (!e.typ.numeric() && e.typ != Interval) {
		return e, fail(codeUndefinedFunction, a.Location, "operator does not exist: %s %s", name, e.typ)
	}
	return expr{sql: "(" + name + " " + e.sql + ")", typ: e.typ, scale: e.scale}, nil
}

// pair translates both sides and gives them a common type.
func (t *translation) pair(s *scope, a *pg.A_Expr) ([]expr, error) {
	return t.both(s, a.Lexpr, a.Rexpr, a.Name[len(a.Name)-1].GetString_().Sval, a.Location)
}

func (t *translation) both(s *scope, l, r *pg.Node, operator string, at int32) ([]expr, error) {
	pair, err := t.list(s, []*pg.Node{l, r})
	if err != nil {
		return make([]expr, 2), err
	}
	left, right := pair[0].typ, pair[1].typ
	if _, err := t.common(pair, locationOf(r)); err != nil {
		if left != Unknown && right != Unknown {
			err = mismatch(operator, left, right, at)
		}
		return pair, err
	}
	return pair, nil
}

func mismatch(operator string, left, right Type, at int32) error {
	e := fail(codeUndefinedFunction, at, "operator does not exist: %s %s %s", left, operator, right)
	e.Hint = "you might need to add explicit type casts"
	return e
}

func (t *translation) compare(s *scope, name string, l, r *pg.Node, at int32) (expr, error) {
	if rowOf(l) != nil && rowOf(r) != nil {
		return t.compareRows(s, name, l, r, at)
	}
	pair, err := t.both(s, l, r, name, at)
	return condition("(" + pair[0].sql + " " + name + " " + pair[1].sql + ")"), err
}

func (t *translation) distinctFrom(s *scope, word string, a *pg.A_Expr) (expr, error) {
	pair, err := t.pair(s, a)
	return condition("(" + pair[0].sql + " " + word + " " + pair[1].sql + ")"), err
}

func (t *translation) in(s *scope, name string, a *pg.A_Expr) (expr, error) {
	return t.among(s, name == "<>", a, a.Rexpr.GetList().Items)
}

func (t *translation) among(s *scope, not bool, a *pg.A_Expr, items []*pg.Node) (expr, error) {
	if rowOf(a.Lexpr) != nil {
		return t.rowAmong(s, not, a, items)
	}
	list, err := t.list(s, append([]*pg.Node{a.Lexpr}, items...))
	if err != nil {
		return expr{}, err
	}
	if _, err := t.common(list, a.Location); err != nil {
		return expr{}, err
	}
	word := " IN ("
	if not {
		word = " NOT IN ("
	}
	return condition("(" + list[0].sql + word + join(list[1:]) + "))"), nil
}

// like needs PRAGMA case_sensitive_like. The escape of PostgreSQL is a backslash.
func (t *translation) like(s *scope, name string, anyCase bool, a *pg.A_Expr) (expr, error) {
	pattern, escape := a.Rexpr, "'\\'"
	if call := pattern.GetFuncCall(); call != nil && nameOf(call.Funcname) == "like_escape" && len(call.Args) == 2 {
		e, err := t.typed(s, call.Args[1], Text)
		if err != nil {
			return e, err
		}
		pattern, escape = call.Args[0], e.sql
	}
	pair, err := t.texts(s, name, a.Lexpr, pattern, a.Location)
	if err != nil {
		return expr{}, err
	}
	left, right := pair[0].sql, pair[1].sql
	if anyCase {
		left, right = "lower("+left+")", "lower("+right+")"
	}
	not := ""
	if strings.HasPrefix(name, "!") {
		not = " NOT"
	}
	return condition("(" + left + not + " LIKE " + right + " ESCAPE " + escape + ")"), nil
}

// texts translates two operands that have to be text.
func (t *translation) texts(s *scope, operator string, l, r *pg.Node, at int32) ([]expr, error) {
	pair, err := t.list(s, []*pg.Node{l, r})
	if err != nil {
		return nil, err
	}
	for i, node := range []*pg.Node{l, r} {
		if pair[i].typ != Text && pair[i].typ != Unknown {
			return nil, mismatch(operator, pair[0].typ, pair[1].typ, at)
		}
		if pair[i], err = t.coerce(pair[i], Text, locationOf(node)); err != nil {
			return nil, err
		}
	}
	return pair, nil
}

func (t *translation) matches(s *scope, name string, a *pg.A_Expr) (expr, error) {
	pair, err := t.texts(s, name, a.Lexpr, a.Rexpr, a.Location)
	if err != nil {
		return expr{}, err
	}
	function, not := "pg_matches(", ""
	if strings.HasSuffix(name, "*") {
		function = "pg_imatches("
	}
	if strings.HasPrefix(name, "!") {
		not = "NOT "
	}
	return condition("(" + not + function + join(pair) + "))"), nil
}

// similar is SIMILAR TO.
func (t *translation) similar(s *scope, name string, a *pg.A_Expr) (expr, error) {
	pattern := a.Rexpr
	if call := pattern.GetFuncCall(); call != nil && nameOf(call.Funcname) == "similar_to_escape" {
		if pattern = call.Args[0]; len(call.Args) > 1 {
			return expr{}, unsupported(a.Location, "SIMILAR TO with ESCAPE")
		}
	}
	pair, err := t.texts(s, "SIMILAR TO", a.Lexpr, pattern, a.Location)
	if err != nil {
		return expr{}, err
	}
	not := map[bool]string{true: "NOT ", false: ""}[strings.HasPrefix(name, "!")]
	return condition("(" + not + "pg_matches(" + pair[0].sql + ", pg_similar(" + pair[1].sql + ")))"), nil
}

func (t *translation) between(s *scope, a *pg.A_Expr) (expr, error) {
	bounds := a.Rexpr.GetList().Items
	list, err := t.list(s, append([]*pg.Node{a.Lexpr}, bounds...))
	if err != nil {
		return expr{}, err
	}
	_, err = t.common(list, a.Location)
	not, low, high := "", list[1].sql, list[2].sql
	if a.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN || a.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM {
		not = " NOT"
	}
	if a.Kind == pg.A_Expr_Kind_AEXPR_BETWEEN_SYM || a.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM {
		low, high = "min("+low+", "+high+")", "max("+list[1].sql+", "+list[2].sql+")"
	}
	return condition("(" + list[0].sql + not + " BETWEEN " + low + " AND " + high + ")"), err
}

func (t *translation) concatenation(s *scope, a *pg.A_Expr) (expr, error) {
	pair, err := t.list(s, []*pg.Node{a.Lexpr, a.Rexpr})
	if err != nil {
		return expr{}, err
	}
	left, err := t.asText(pair[0])
	if err != nil {
		return expr{}, err
	}
	right, err := t.asText(pair[1])
	return expr{sql: "(" + left.sql + " || " + right.sql + ")", typ: Text}, err
}

// arithmetic covers numbers, and times with intervals.
func (t *translation) arithmetic(s *scope, name string, a *pg.A_Expr) (expr, error) {
	pair, err := t.list(s, []*pg.Node{a.Lexpr, a.Rexpr})
	if err != nil {
		return expr{}, err
	}
	if err := t.guess(name, pair, a); err != nil {
		return expr{}, err
	}
	l, r := pair[0], pair[1]
	if l.typ.numeric() && r.typ.numeric() {
		return t.numbers(name, pair, a.Location)
	}
	if made, ok := moved(name, l, r); ok {
		return made, nil
	}
	if made, ok := dates(name, l, r); ok {
		return made, nil
	}
	typ, ok := temporal(name, l.typ, r.typ)
	if !ok {
		return expr{}, mismatch(name, l.typ, r.typ, a.Location)
	}
	switch name {
	case "*":
		return expr{sql: "CAST(" + l.sql + " * " + r.sql + " AS INTEGER)", typ: typ}, nil
	case "/":
		return expr{sql: "CAST(pg_div(" + l.sql + ", CAST(" + r.sql + " AS REAL)) AS INTEGER)", typ: typ}, nil
	}
	return expr{sql: "(" + l.sql + " " + name + " " + r.sql + ")", typ: typ}, nil
}

// guess gives an operand of unknown type that of the other, or what fits to it.
func (t *translation) guess(name string, pair []expr, a *pg.A_Expr) error {
	for i, node := range []*pg.Node{a.Lexpr, a.Rexpr} {
		other := pair[1-i].typ
		if pair[i].typ != Unknown || other == Unknown {
			continue
		}
		if other == Date {
			other = map[bool]Type{true: Int4, false: Date}[name == "+"]
		}
		if (other == Timestamptz || other == Timestamp) && name == "+" {
			other = Interval
		}
		if other == Interval && name == "-" && i == 0 {
			other = Timestamptz
		}
		e, err := t.coerce(pair[i], other, locationOf(node))
		if err != nil {
			return err
		}
		pair[i] = e
	}
	return nil
}

// dates is the arithmetic of dates with each other and with numbers of days.
func dates(name string, l, r expr) (expr, bool) {
	days := func(e expr) string { return "(" + e.sql + ") * " + strconv.FormatInt(day, 10) }
	switch {
	case name == "-" && l.typ == Date && r.typ == Date:
		return expr{sql: "((" + l.sql + " - " + r.sql + ") / " + strconv.FormatInt(day, 10) + ")", typ: Int4}, true
	case (name == "+" || name == "-") && l.typ == Date && r.typ == Int4:
		return expr{sql: "(" + l.sql + " " + name + " " + days(r) + ")", typ: Date}, true
	case name == "+" && l.typ == Int4 && r.typ == Date:
		return expr{sql: "(" + r.sql + " + " + days(l) + ")", typ: Date}, true
	}
	return expr{}, false
}

// moment is the type of a point in time moved by an interval.
func moment(t Type) Type {
	if t == Date {
		return Timestamp
	}
	return t
}

func temporal(name string, l, r Type) (Type, bool) {
	switch {
	case name == "+" && l == Interval && r.temporal():
		return moment(r), true
	case (name == "+" || name == "-") && l.temporal() && r == Interval:
		return moment(l), true
	case name == "-" && l.temporal() && r.temporal(), (name == "+" || name == "-") && l == Interval && r == Interval:
		return Interval, true
	case name == "*" && (l == Interval && r.numeric() || l.numeric() && r == Interval), name == "/" && l == Interval && r.numeric():
		return Interval, true
	}
	return Unknown, false
}

func (t *translation) numbers(name string, pair []expr, at int32) (expr, error) {
	typ, err := t.common(pair, at)
	if err != nil {
		return expr{}, err
	}
	if typ == OID {
		typ = Int8
	}
	l, r := pair[0].sql, pair[1].sql
	switch {
	case name == "/" && typ == Numeric:
		return expr{sql: "pg_div(CAST(" + l + " AS REAL), " + r + ")", typ: typ}, nil
	case name == "/":
		return expr{sql: "pg_div(" + l + ", " + r + ")", typ: typ}, nil
	case name == "%":
		return expr{sql: "pg_mod(" + l + ", " + r + ")", typ: typ}, nil
	}
	made := expr{sql: "(" + l + " " + name + " " + r + ")", typ: typ}
	switch typ { // SQLite would go on with a double
	case Int4:
		made.sql = "pg_whole(" + made.sql + ", 32, 0)"
	case Int8:
		made.sql = "pg_whole(" + made.sql + ", 64, 0)"
	}
	return made, nil
}
