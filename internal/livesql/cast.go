package livesql

import (
	"fmt"
	"math"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// typeCast translates CAST(x AS t), x::t and t 'literal'.
func (t *translation) typeCast(s *scope, c *pg.TypeCast) (expr, error) {
	e, err := t.expression(s, c.Arg)
	if err != nil {
		return e, err
	}
	if c.Location < 0 { // of date '2024-05-06'
		c.Location = locationOf(c.Arg)
	}
	name := nameOf(c.TypeName.Names)
	if strings.HasPrefix(name, "reg") {
		return t.registered(e, name, c.Location)
	}
	typ, ok := typeNamed(name)
	if !ok {
		return e, fail("42704", c.TypeName.Location, "type %q is not known to the console", name)
	}
	if len(c.TypeName.ArrayBounds) > 0 {
		return t.arrayCast(e, typ, c.Location)
	}
	made, err := t.cast(e, typ, c.Location)
	if err == nil {
		made, err = modified(made, c.TypeName)
	}
	if !namesItself(c.Arg) {
		made.name = typ.facts().name
	}
	return made, err
}

// namesItself reports whether an expression gives its column a name by itself, which a cast
// leaves as it is.
func namesItself(node *pg.Node) bool {
	switch n := node.GetNode().(type) {
	case *pg.Node_ColumnRef, *pg.Node_FuncCall, *pg.Node_CoalesceExpr, *pg.Node_MinMaxExpr, *pg.Node_SubLink,
		*pg.Node_SqlvalueFunction, *pg.Node_AArrayExpr:
		return true
	case *pg.Node_AIndirection:
		return namesItself(n.AIndirection.Arg)
	case *pg.Node_AExpr:
		return n.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF
	case *pg.Node_TypeCast:
		return namesItself(n.TypeCast.Arg)
	case *pg.Node_CollateClause:
		return namesItself(n.CollateClause.Arg)
	case *pg.Node_CaseExpr:
		return n.CaseExpr.Defresult != nil && namesItself(n.CaseExpr.Defresult)
	}
	return false
}

// modified applies what stands in parentheses behind a type: the length of a text,
// or a numeric's digits, of which those before the point are not checked.
func modified(e expr, typ *pg.TypeName) (expr, error) {
	var n []int32
	for _, m := range typ.Typmods {
		n = append(n, m.GetAConst().GetIval().GetIval())
	}
	switch {
	case len(n) == 0:
	case e.typ == Text && len(n) == 1:
		e.sql = fmt.Sprintf("substr(%s, 1, %d)", e.sql, n[0])
	case e.typ == Numeric && len(n) == 2 && n[1] >= 0 && n[1] <= 9:
		e.sql, e.scale = fmt.Sprintf("round(%s, %d)", e.sql, n[1]), int(n[1])
	case e.typ == Numeric && len(n) == 1:
		e.sql, e.scale = "round("+e.sql+")", 0
	case e.typ.temporal() && len(n) == 1 && n[0] >= 0 && n[0] <= 6:
		unit := int64(math.Pow10(6 - int(n[0])))
		e.sql = fmt.Sprintf("((%s + %d) / %d * %d)", e.sql, unit/2, unit, unit)
	default:
		return e, unsupported(typ.Location, "a precision of this type")
	}
	return e, nil
}

// nameOf is the last part of a qualified name.
func nameOf(list []*pg.Node) string { return list[len(list)-1].GetString_().GetSval() }

// cast converts as asked.
func (t *translation) cast(e expr, to Type, at int32) (expr, error) {
	from := e.typ
	converted := func(function string) (expr, error) {
		return expr{sql: function + "(" + e.sql + ")", typ: to, name: e.name}, nil
	}
	switch {
	case e.null:
		return expr{sql: "NULL", typ: to}, nil
	case from == Unknown:
		made, err := t.coerce(e, to, at)
		return made, err
	case from == to:
		return e, nil
	case from.temporal() && to == Date:
		return converted("pg_date")
	case from.temporal() && to.temporal():
		return expr{sql: e.sql, typ: to, name: e.name}, nil
	case from == Text && to == Date:
		return expr{sql: "pg_date(pg_time(" + e.sql + "))", typ: to, name: e.name}, nil
	case to == Text:
		return t.asText(e)
	case to == JSON && (from == Text || from == JSONB):
		return converted("pg_json")
	case to == JSONB && (from == Text || from == JSON):
		return converted("pg_jsonb")
	case from == Text && !to.array():
		return converted(map[Type]string{Int4: "pg_int", Int8: "pg_bigint", OID: "pg_bigint", Float8: "pg_float", Numeric: "pg_numeric",
			Bool: "pg_bool", Timestamptz: "pg_time", Timestamp: "pg_time", Interval: "pg_interval"}[to])
	case from == Int8 && to == Int4:
		return expr{sql: "pg_whole(" + e.sql + ", 32, 0)", typ: to, name: e.name}, nil
	case from.integer() && to.numeric(), from == Numeric && to == Float8, from == Float8 && to == Numeric:
		if to == Float8 {
			return expr{sql: "CAST(" + e.sql + " AS REAL)", typ: to, name: e.name}, nil
		}
		return expr{sql: e.sql, typ: to, name: e.name}, nil
	case from.numeric() && to.integer():
		bits := map[bool]string{true: "32", false: "64"}[to == Int4]
		return expr{sql: "pg_whole(" + e.sql + ", " + bits + ", " + boolean(from == Numeric).sql + ")", typ: to, name: e.name}, nil
	case from == Bool && to == Int4:
		return expr{sql: e.sql, typ: to, name: e.name}, nil
	case from == Int4 && to == Bool:
		return expr{sql: "(" + e.sql + " <> 0)", typ: to, name: e.name}, nil
	}
	return e, fail(codeCannotCoerce, at, "cannot cast type %s to %s", from, to)
}

// asText converts any value to the text that a client would see.
func (t *translation) asText(e expr) (expr, error) {
	function := map[Type]string{Bool: "pg_bool_text", Timestamptz: "pg_time_text", Interval: "pg_interval_text",
		Date: "pg_date_text", Timestamp: "pg_timestamp_text"}[e.typ]
	switch {
	case e.typ == Unknown:
		return t.coerce(e, Text, -1)
	case e.typ == Text:
		return e, nil
	case e.typ.array() || e.typ.json():
		return expr{sql: e.sql, typ: Text, name: e.name}, nil
	case function != "":
		e.sql = function + "(" + e.sql + ")"
	case e.scale > 0:
		e.sql = "printf('%." + string(rune('0'+e.scale)) + "f', " + e.sql + ")"
	case e.typ == Numeric:
		e.sql = "pg_number_text(" + e.sql + ")"
	case e.typ == Float8:
		e.sql = "pg_float_text(" + e.sql + ")"
	default:
		e.sql = "CAST(" + e.sql + " AS TEXT)"
	}
	return expr{sql: e.sql, typ: Text, name: e.name}, nil
}

// registered is a cast to regclass, regtype or one of their kin: a name becomes
// the OID, an OID becomes the name. What it is used for is text or an oid.
func (t *translation) registered(e expr, name string, at int32) (expr, error) {
	switch {
	case e.typ == Unknown && name == "regclass":
		table, err := t.catalog.find(&pg.RangeVar{Relname: lastPart(e.text), Location: at})
		if err != nil {
			return e, err
		}
		return expr{sql: sqlLiteral(int64(t.catalog.oid(table))), typ: OID, name: name}, nil
	case e.typ == Unknown:
		typ, ok := typeNamed(lastPart(e.text))
		if !ok {
			return e, fail("42704", at, "type %q is not known to the console", e.text)
		}
		return expr{sql: sqlLiteral(int64(typ.OID())), typ: OID, name: name}, nil
	case e.typ.integer():
		return expr{sql: "pg_" + name + "(" + e.sql + ")", typ: Text, name: name}, nil
	}
	return e, unsupported(at, "a cast to "+name)
}

func lastPart(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.Trim(name, `"`)
}
