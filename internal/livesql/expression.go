package livesql

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// expr is a translated expression. While its type is Unknown it is a literal, in
// text, or a parameter: coerce gives it a type.
type expr struct {
	sql   string
	typ   Type
	scale int
	name  string // that its column in a result has
	text  string // of a literal of Unknown type
	param int    // of a parameter of Unknown type, from 1
	null  bool   // the constant NULL

	months int   // of a literal of type interval
	rest   int64 // and its microseconds without them
}

// expression translates one. What it mentions is not loose when it is grouped.
func (t *translation) expression(s *scope, node *pg.Node) (expr, error) {
	before := len(s.grouping.loose)
	e, err := t.anyExpression(s, node)
	if err == nil && s.grouping.texts[e.sql] {
		s.grouping.loose = s.grouping.loose[:before]
	}
	return e, err
}

func (t *translation) anyExpression(s *scope, node *pg.Node) (expr, error) {
	switch n := node.GetNode().(type) {
	case *pg.Node_ColumnRef:
		return t.columnRef(s, n.ColumnRef)
	case *pg.Node_AConst:
		return constant(n.AConst)
	case *pg.Node_ParamRef:
		return t.parameter(n.ParamRef)
	case *pg.Node_TypeCast:
		return t.typeCast(s, n.TypeCast)
	case *pg.Node_AExpr:
		return t.operation(s, n.AExpr)
	case *pg.Node_BoolExpr:
		return t.logic(s, n.BoolExpr)
	case *pg.Node_NullTest:
		return t.nullTest(s, n.NullTest)
	case *pg.Node_BooleanTest:
		return t.booleanTest(s, n.BooleanTest)
	case *pg.Node_CaseExpr:
		return t.caseExpr(s, n.CaseExpr)
	case *pg.Node_CoalesceExpr:
		return t.sameType(s, "coalesce", "coalesce", n.CoalesceExpr.Args)
	case *pg.Node_MinMaxExpr:
		name := map[pg.MinMaxOp]string{pg.MinMaxOp_IS_GREATEST: "greatest", pg.MinMaxOp_IS_LEAST: "least"}[n.MinMaxExpr.Op]
		return t.sameType(s, name, "pg_"+name, n.MinMaxExpr.Args)
	case *pg.Node_SubLink:
		return t.subLink(s, n.SubLink)
	case *pg.Node_FuncCall:
		return t.call(s, n.FuncCall)
	case *pg.Node_SqlvalueFunction:
		return t.valueFunction(n.SqlvalueFunction)
	case *pg.Node_CollateClause:
		return t.expression(s, n.CollateClause.Arg)
	case *pg.Node_AArrayExpr:
		return t.array(s, n.AArrayExpr)
	case *pg.Node_AIndirection:
		return t.subscript(s, n.AIndirection)
	}
	return expr{}, unsupported(locationOf(node), kindOf(node))
}

// kindOf names an expression that is not translated.
func kindOf(node *pg.Node) string {
	switch node.GetNode().(type) {
	case *pg.Node_RowExpr:
		return "a row as a value"
	case *pg.Node_GroupingFunc:
		return "GROUPING"
	case *pg.Node_NamedArgExpr:
		return "an argument given by name"
	case *pg.Node_XmlExpr, *pg.Node_XmlSerialize:
		return "XML"
	case *pg.Node_SetToDefault:
		return "DEFAULT"
	}
	return "this kind of expression"
}

func (t *translation) list(s *scope, nodes []*pg.Node) ([]expr, error) {
	list := make([]expr, len(nodes))
	for i, node := range nodes {
		e, err := t.expression(s, node)
		if err != nil {
			return nil, err
		}
		list[i] = e
	}
	return list, nil
}

func (t *translation) columnRef(s *scope, c *pg.ColumnRef) (expr, error) {
	var parts []string
	for _, f := range c.Fields {
		if f.GetString_() == nil {
			return expr{}, unsupported(c.Location, "a whole row")
		}
		parts = append(parts, f.GetString_().Sval)
	}
	return s.column(parts, c.Location)
}

func constant(c *pg.A_Const) (expr, error) {
	switch v := c.GetVal().(type) {
	case *pg.A_Const_Ival:
		return expr{sql: strconv.Itoa(int(v.Ival.Ival)), typ: Int4}, nil
	case *pg.A_Const_Fval:
		if _, err := strconv.ParseInt(v.Fval.Fval, 10, 64); err == nil {
			return expr{sql: v.Fval.Fval, typ: Int8}, nil
		}
		f, err := strconv.ParseFloat(v.Fval.Fval, 64)
		if err != nil {
			return expr{}, fail(codeInvalidText, c.Location, "number %s is out of range", v.Fval.Fval)
		}
		return expr{sql: strconv.FormatFloat(f, 'e', -1, 64), typ: Numeric}, nil
	case *pg.A_Const_Boolval:
		return boolean(v.Boolval.Boolval), nil
	case *pg.A_Const_Sval:
		return expr{sql: quoteText(v.Sval.Sval), text: v.Sval.Sval}, nil
	case *pg.A_Const_Bsval:
		return expr{}, unsupported(c.Location, "a bit string")
	}
	return expr{sql: "NULL", null: true}, nil
}

func boolean(v bool) expr {
	if v {
		return expr{sql: "1", typ: Bool, name: "bool"}
	}
	return expr{sql: "0", typ: Bool, name: "bool"}
}

// maxParams is the protocol's limit.
const maxParams = 65535

func (t *translation) parameter(p *pg.ParamRef) (expr, error) {
	n := int(p.Number)
	if n < 1 || n > maxParams {
		return expr{}, fail(codeUndefinedParam, p.Location, "there is no parameter $%d", n)
	}
	for len(t.params) < n {
		t.params = append(t.params, Unknown)
	}
	e := expr{sql: "?" + strconv.Itoa(n), typ: t.params[n-1]}
	if e.typ == Unknown {
		e.param = n
	}
	return e, nil
}

// coerce makes an expression one of type typ, as far as PostgreSQL does without
// being asked.
func (t *translation) coerce(e expr, typ Type, at int32) (expr, error) {
	switch {
	case e.typ == typ, e.null, e.typ == Unknown && typ == Unknown:
		e.typ = typ
		return e, nil
	case e.param > 0:
		t.params[e.param-1] = typ
		return expr{sql: e.sql, typ: typ, name: e.name}, nil
	case e.typ == Unknown:
		return literal(e, typ, at)
	case e.typ.numeric() && typ.numeric() && (e.typ.rank() <= typ.rank() || typ.integer() && e.typ.integer()):
		if e.typ.integer() && !typ.integer() && typ == Float8 {
			e.sql = "CAST(" + e.sql + " AS REAL)"
		}
		e.typ, e.scale = typ, 0
		return e, nil
	case e.typ.temporal() && typ.temporal() && e.typ.rank() <= typ.rank():
		e.typ = typ
		return e, nil
	}
	return expr{}, fail(codeDatatypeMismatch, at, "an expression of type %s is given where %s is expected", e.typ, typ)
}

// literal reads the text of a literal.
func literal(e expr, typ Type, at int32) (expr, error) {
	v, err := parseValue(typ, e.text)
	if err != nil {
		if mistake, ok := err.(*Error); ok {
			mistake.at = at
		}
		return expr{}, err
	}
	e.typ, e.sql = typ, sqlLiteral(v)
	if typ == Interval {
		e.months, e.rest = monthsOf(e.text)
	}
	return e, nil
}

func sqlLiteral(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'e', -1, 64)
	case string:
		return quoteText(v)
	}
	return "NULL"
}

// typed translates an expression that has to be of a type.
func (t *translation) typed(s *scope, node *pg.Node, typ Type) (expr, error) {
	e, err := t.expression(s, node)
	if err != nil {
		return e, err
	}
	return t.coerce(e, typ, locationOf(node))
}

func (t *translation) boolean(s *scope, node *pg.Node) (expr, error) {
	e, err := t.expression(s, node)
	if err != nil {
		return e, err
	}
	if e.typ != Bool && e.typ != Unknown {
		return e, fail(codeDatatypeMismatch, locationOf(node), "a condition must be of type boolean, not %s", e.typ)
	}
	return t.coerce(e, Bool, locationOf(node))
}

// common finds the type of all and gives it to them.
func (t *translation) common(list []expr, at int32) (Type, error) {
	typ := Unknown
	for _, e := range list {
		switch {
		case e.typ == Unknown || e.typ == typ:
		case typ == Unknown, alike(typ, e.typ) && e.typ.rank() > typ.rank():
			typ = e.typ
		case alike(typ, e.typ):
		default:
			return typ, fail(codeDatatypeMismatch, at, "types %s and %s cannot be matched", typ, e.typ)
		}
	}
	if typ == Unknown && !allNull(list) {
		typ = Text
	}
	for i := range list {
		made, err := t.coerce(list[i], typ, at)
		if err != nil {
			return typ, err
		}
		list[i] = made
	}
	return typ, nil
}

func allNull(list []expr) bool {
	for _, e := range list {
		if !e.null {
			return false
		}
	}
	return true
}

func (t *translation) sameType(s *scope, name, function string, nodes []*pg.Node) (expr, error) {
	list, err := t.list(s, nodes)
	if err != nil {
		return expr{}, err
	}
	typ, err := t.common(list, -1)
	if len(list) == 1 {
		return expr{sql: list[0].sql, typ: typ, name: name}, err
	}
	return expr{sql: function + "(" + join(list) + ")", typ: typ, name: name, scale: list[0].scale}, err
}

func (t *translation) logic(s *scope, b *pg.BoolExpr) (expr, error) {
	var parts []string
	for _, node := range b.Args {
		e, err := t.boolean(s, node)
		if err != nil {
			return expr{}, err
		}
		parts = append(parts, e.sql)
	}
	switch b.Boolop {
	case pg.BoolExprType_AND_EXPR:
		return condition("(" + strings.Join(parts, " AND ") + ")"), nil
	case pg.BoolExprType_OR_EXPR:
		return condition("(" + strings.Join(parts, " OR ") + ")"), nil
	}
	return condition("(NOT " + parts[0] + ")"), nil
}

func condition(sql string) expr { return expr{sql: sql, typ: Bool} }

func (t *translation) nullTest(s *scope, n *pg.NullTest) (expr, error) {
	e, err := t.expression(s, n.Arg)
	if n.Nulltesttype == pg.NullTestType_IS_NULL {
		return condition("(" + e.sql + " IS NULL)"), err
	}
	return condition("(" + e.sql + " IS NOT NULL)"), err
}

func (t *translation) booleanTest(s *scope, b *pg.BooleanTest) (expr, error) {
	e, err := t.boolean(s, b.Arg)
	what := map[pg.BoolTestType]string{pg.BoolTestType_IS_TRUE: "IS 1", pg.BoolTestType_IS_NOT_TRUE: "IS NOT 1",
		pg.BoolTestType_IS_FALSE: "IS 0", pg.BoolTestType_IS_NOT_FALSE: "IS NOT 0",
		pg.BoolTestType_IS_UNKNOWN: "IS NULL", pg.BoolTestType_IS_NOT_UNKNOWN: "IS NOT NULL"}[b.Booltesttype]
	return condition("(" + e.sql + " " + what + ")"), err
}

func (t *translation) caseExpr(s *scope, c *pg.CaseExpr) (expr, error) {
	var conditions, results []expr
	for _, node := range c.Args {
		when := node.GetCaseWhen()
		var test expr
		var err error
		if c.Arg != nil {
			test, err = t.compare(s, "=", c.Arg, when.Expr, when.Location)
		} else {
			test, err = t.boolean(s, when.Expr)
		}
		if err != nil {
			return expr{}, err
		}
		result, err := t.expression(s, when.Result)
		if err != nil {
			return expr{}, err
		}
		conditions, results = append(conditions, test), append(results, result)
	}
	otherwise := expr{sql: "NULL", null: true}
	if c.Defresult != nil {
		var err error
		if otherwise, err = t.expression(s, c.Defresult); err != nil {
			return expr{}, err
		}
	}
	results = append(results, otherwise)
	typ, err := t.common(results, c.Location)
	var b strings.Builder
	b.WriteString("CASE")
	for i, test := range conditions {
		b.WriteString(" WHEN " + test.sql + " THEN " + results[i].sql)
	}
	b.WriteString(" ELSE " + results[len(results)-1].sql + " END")
	made := expr{sql: b.String(), typ: typ, name: "case"}
	if c.Defresult != nil && namesItself(c.Defresult) {
		made.name = otherwise.name
	}
	return made, err
}

// locationOf is where an expression begins; -1 when its node does not say.
func locationOf(node *pg.Node) int32 {
	switch n := node.GetNode().(type) {
	case *pg.Node_ColumnRef:
		return n.ColumnRef.Location
	case *pg.Node_AConst:
		return n.AConst.Location
	case *pg.Node_ParamRef:
		return n.ParamRef.Location
	case *pg.Node_TypeCast:
		return locationOf(n.TypeCast.Arg)
	case *pg.Node_AExpr:
		if n.AExpr.Lexpr != nil {
			return locationOf(n.AExpr.Lexpr)
		}
		return n.AExpr.Location
	case *pg.Node_FuncCall:
		return n.FuncCall.Location
	case *pg.Node_CaseExpr:
		return n.CaseExpr.Location
	case *pg.Node_RowExpr:
		return n.RowExpr.Location
	case *pg.Node_NamedArgExpr:
		return n.NamedArgExpr.Location
	case *pg.Node_GroupingFunc:
		return n.GroupingFunc.Location
	}
	return -1
}
