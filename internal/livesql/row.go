package livesql

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// rowOf are the parts of ROW(a, b) or (a, b); nil for what is none.
func rowOf(node *pg.Node) []*pg.Node { return node.GetRowExpr().GetArgs() }

// compareRows compares two rows, from the left to the right.
func (t *translation) compareRows(s *scope, name string, l, r *pg.Node, at int32) (expr, error) {
	left, right := rowOf(l), rowOf(r)
	if len(left) != len(right) {
		return expr{}, fail(codeSyntax, at, "unequal number of entries in row expressions")
	}
	var first, second []expr
	for i := range left {
		pair, err := t.both(s, left[i], right[i], name, at)
		if err != nil {
			return expr{}, err
		}
		first, second = append(first, pair[0]), append(second, pair[1])
	}
	return condition("((" + join(first) + ") " + name + " (" + join(second) + "))"), nil
}

// rowAmong is (a, b) IN ((c, d), ...).
func (t *translation) rowAmong(s *scope, not bool, a *pg.A_Expr, items []*pg.Node) (expr, error) {
	name, word := "=", " OR "
	if not {
		name, word = "<>", " AND "
	}
	var parts []string
	for _, item := range items {
		e, err := t.compareRows(s, name, a.Lexpr, item, a.Location)
		if err != nil {
			return e, err
		}
		parts = append(parts, e.sql)
	}
	return condition("(" + strings.Join(parts, word) + ")"), nil
}

// rowIn is (a, b) IN (SELECT ...).
func (t *translation) rowIn(s *scope, l *pg.SubLink, made selection) (expr, error) {
	list, err := t.list(s, rowOf(l.Testexpr))
	if err != nil {
		return expr{}, err
	}
	if len(list) != len(made.columns) {
		return expr{}, fail(codeSyntax, l.Location, "subquery has %d columns, but %d are compared", len(made.columns), len(list))
	}
	for i := range list {
		pair := []expr{list[i], {typ: known(made.columns[i].Type)}}
		if _, err := t.common(pair, l.Location); err != nil {
			return expr{}, err
		}
		list[i] = pair[0]
	}
	return condition("((" + join(list) + ") IN (" + made.sql + "))"), nil
}

// quantified is x < ANY (SELECT ...) and x >= ALL (SELECT ...): NULL when only what is
// not known could decide.
func (t *translation) quantified(s *scope, l *pg.SubLink, made selection) (expr, error) {
	name := l.OperName[len(l.OperName)-1].GetString_().Sval
	e, err := t.expression(s, l.Testexpr)
	if err != nil {
		return e, err
	}
	pair := []expr{e, {sql: "v", typ: known(made.columns[0].Type)}}
	if _, err := t.common(pair, l.Location); err != nil || !strings.Contains(" = <> < > <= >= ", " "+name+" ") {
		return e, mismatch(name, e.typ, made.columns[0].Type, l.Location)
	}
	test := pair[0].sql + " " + name + " " + pair[1].sql
	found, otherwise := "max("+test+") = 1 THEN 1", "0"
	if l.SubLinkType == pg.SubLinkType_ALL_SUBLINK {
		found, otherwise = "min("+test+") = 0 THEN 0", "1"
	}
	return condition("(WITH x(v) AS (" + made.sql + ") SELECT CASE WHEN " + found + " WHEN count(*) > count(" + test +
		") THEN NULL ELSE " + otherwise + " END FROM x)"), nil
}
