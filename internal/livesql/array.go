package livesql

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// element is what an array has; Unknown for what is none.
func (t Type) element() Type {
	return map[Type]Type{TextArray: Text, Int4Array: Int4, Int8Array: Int8}[t]
}

// arrayType is the array of elements of a type, if there is one.
func arrayType(element Type, at int32) (Type, error) {
	typ, ok := map[Type]Type{Unknown: TextArray, Text: TextArray, Int4: Int4Array, Int8: Int8Array}[element]
	if !ok {
		e := unsupported(at, "an array of "+element.String())
		e.Hint = "cast its elements to text"
		return typ, e
	}
	return typ, nil
}

// array is ARRAY[...].
func (t *translation) array(s *scope, a *pg.A_ArrayExpr) (expr, error) {
	items, err := t.list(s, a.Elements)
	if err != nil {
		return expr{}, err
	}
	if len(items) == 0 {
		return expr{sql: "'{}'", text: "{}", name: "array"}, nil // of a type that a cast gives
	}
	element, err := t.common(items, a.Location)
	if err != nil {
		return expr{}, err
	}
	typ, err := arrayType(element, a.Location)
	if err != nil {
		return expr{}, err
	}
	for i := range items {
		if items[i], err = t.asText(items[i]); err != nil {
			return expr{}, err
		}
	}
	return expr{sql: "pg_array(" + join(items) + ")", typ: typ, name: "array"}, nil
}

// arrayOfRows is ARRAY(SELECT ...).
func (t *translation) arrayOfRows(made selection, at int32) (expr, error) {
	typ, err := arrayType(made.columns[0].Type, at)
	if err != nil {
		return expr{}, err
	}
	item := "CAST(v AS TEXT)"
	return expr{sql: "(WITH x(v) AS (" + made.sql + ") SELECT coalesce('{' || group_concat(pg_array_item(" + item + ")) || '}', '{}') FROM x)",
		typ: typ, name: "array"}, nil
}

// subscript is array[n].
func (t *translation) subscript(s *scope, i *pg.A_Indirection) (expr, error) {
	e, err := t.expression(s, i.Arg)
	if err != nil {
		return e, err
	}
	if len(i.Indirection) != 1 || i.Indirection[0].GetAIndices() == nil || i.Indirection[0].GetAIndices().IsSlice {
		return e, unsupported(locationOf(i.Arg), "a part of a row or of an array, but array[n],")
	}
	if !e.typ.array() {
		return e, fail(codeDatatypeMismatch, locationOf(i.Arg), "cannot subscript type %s because it is not an array", e.typ)
	}
	n, err := t.typed(s, i.Indirection[0].GetAIndices().Uidx, Int4)
	return t.elementFrom(expr{sql: "pg_array_get(" + e.sql + ", " + n.sql + ")", typ: e.typ, name: e.name}), err
}

// elementFrom gives what is the text of an array's element the element's type.
func (t *translation) elementFrom(e expr) expr {
	if e.typ = e.typ.element(); e.typ.integer() {
		e.sql = "CAST(" + e.sql + " AS INTEGER)"
	}
	return e
}

// arrayCast is x::t[].
func (t *translation) arrayCast(e expr, element Type, at int32) (expr, error) {
	typ, err := arrayType(element, at)
	switch {
	case err != nil:
		return e, err
	case e.typ == Unknown || e.typ == typ:
		return t.coerce(e, typ, at)
	case typ == TextArray && e.typ.array(), typ == Int8Array && e.typ == Int4Array:
		return expr{sql: e.sql, typ: typ, name: e.name}, nil
	}
	return e, fail(codeCannotCoerce, at, "cannot cast type %s to %s", e.typ, typ)
}

// ofArrays are the functions that take arrays, or make them.
func (t *translation) ofArrays(name string, args []expr, at int32) (expr, bool, error) {
	first := func() Type {
		if len(args) == 0 {
			return Unknown
		}
		return args[0].typ
	}()
	made := expr{typ: Int4, name: name}
	switch {
	case !first.array():
		return expr{}, false, nil
	case name == "cardinality" && len(args) == 1:
		made.sql = "pg_cardinality(" + args[0].sql + ")"
	case (name == "array_length" || name == "array_upper") && len(args) == 2:
		made.sql = "CASE " + args[1].sql + " WHEN 1 THEN nullif(pg_cardinality(" + args[0].sql + "), 0) END"
	case name == "array_position" && len(args) == 2:
		item, err := t.elementText(args[1], first, at)
		if err != nil {
			return expr{}, true, err
		}
		made.sql = "pg_array_position(" + args[0].sql + ", " + item.sql + ")"
	case name == "array_to_string" && (len(args) == 2 || len(args) == 3):
		for i := range args[1:] {
			item, err := t.coerce(args[i+1], Text, at)
			if err != nil {
				return expr{}, true, err
			}
			args[i+1] = item
		}
		made.sql, made.typ = "pg_array_to_string("+join(args)+")", Text
	default:
		return expr{}, false, nil
	}
	return made, true, nil
}

// elementText is a value as the text of an element of arrays of a type.
func (t *translation) elementText(e expr, array Type, at int32) (expr, error) {
	e, err := t.coerce(e, array.element(), at)
	if err != nil {
		return e, err
	}
	return t.asText(e)
}

// anyOf is x = ANY (array), x <> ALL (array) and their like.
func (t *translation) anyOf(s *scope, name string, a *pg.A_Expr) (expr, error) {
	isAny := a.Kind == pg.A_Expr_Kind_AEXPR_OP_ANY
	if items, ok := itemsOf(a.Rexpr, a.Location); ok && len(items) > 0 {
		return t.eachOf(s, isAny, a, items)
	}
	left, err := t.expression(s, a.Lexpr)
	if err != nil {
		return expr{}, err
	}
	array, err := t.expression(s, a.Rexpr)
	if err == nil && array.typ == Unknown {
		var typ Type
		if typ, err = arrayType(left.typ, a.Location); err == nil {
			array, err = t.coerce(array, typ, locationOf(a.Rexpr))
		}
	}
	if err != nil {
		return expr{}, err
	}
	if !array.typ.array() {
		return expr{}, fail(codeWrongObject, a.Location, "op ANY/ALL (array) requires array on right side")
	}
	not := map[bool]string{true: "", false: "NOT "}[isAny]
	if (name != "=" || !isAny) && (name != "<>" || isAny) {
		return expr{}, unsupported(a.Location, "this comparison with an array that is not written out")
	}
	item, err := t.elementText(left, array.typ, a.Location)
	return condition("(" + not + "pg_array_has(" + array.sql + ", " + item.sql + "))"), err
}

// itemsOf are the elements of an array that is written out.
func itemsOf(node *pg.Node, at int32) ([]*pg.Node, bool) {
	cast := node.GetTypeCast()
	if cast != nil {
		node = cast.Arg
	}
	if array := node.GetAArrayExpr(); array != nil {
		return array.Elements, true
	}
	text := node.GetAConst().GetSval().GetSval()
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return nil, false
	}
	var items []*pg.Node
	for _, item := range arrayItems(text) {
		if item == nil {
			items = append(items, pg.MakeAConstStrNode("", at))
			items[len(items)-1].GetAConst().Val, items[len(items)-1].GetAConst().Isnull = nil, true
			continue
		}
		items = append(items, pg.MakeAConstStrNode(*item, at))
	}
	return items, true
}

// eachOf compares with one element after the other.
func (t *translation) eachOf(s *scope, isAny bool, a *pg.A_Expr, items []*pg.Node) (expr, error) {
	name := a.Name[len(a.Name)-1].GetString_().Sval
	if (name == "=" && isAny) || (name == "<>" && !isAny) {
		return t.among(s, !isAny, a, items)
	}
	var parts []string
	for _, item := range items {
		e, err := t.operator(s, name, &pg.A_Expr{Kind: pg.A_Expr_Kind_AEXPR_OP, Name: a.Name, Lexpr: a.Lexpr, Rexpr: item, Location: a.Location})
		if err != nil {
			return e, err
		}
		parts = append(parts, e.sql)
	}
	word := map[bool]string{true: " OR ", false: " AND "}[isAny]
	return condition("(" + strings.Join(parts, word) + ")"), nil
}
