package livesql

import (
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"
)

func (t Type) json() bool { return t == JSON || t == JSONB }

// isJSON tells the functions that make JSON of values of any type, aggregates left out.
func isJSON(name string) bool {
	switch name {
	case "to_json", "to_jsonb", "row_to_json", "json_build_object", "jsonb_build_object", "json_build_array", "jsonb_build_array":
		return true
	}
	return false
}

func isJSONAggregate(name string) bool {
	switch name {
	case "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg":
		return true
	}
	return false
}

// jsonType is what a function makes by its name.
func jsonType(name string) Type {
	if len(name) > 4 && (name[:5] == "jsonb" || name == "to_jsonb") {
		return JSONB
	}
	return JSON
}

// jsonCall translates those functions.
func (t *translation) jsonCall(s *scope, name string, f *pg.FuncCall) (expr, error) {
	values, err := t.jsonValues(s, f.Args)
	if err != nil {
		return expr{}, err
	}
	made := expr{typ: jsonType(name), name: name}
	switch name {
	case "json_build_array", "jsonb_build_array":
		made.sql = "pg_json_array(" + join(values) + ")"
	case "json_build_object", "jsonb_build_object":
		if len(values)%2 != 0 {
			return made, fail(codeInvalidParameter, f.Location, "argument list must have even number of elements")
		}
		made.sql = "pg_json_object(" + join(values) + ")"
	default:
		if len(values) != 1 {
			return made, undefinedFunction(name, values, f.Location)
		}
		made.sql = "nullif(" + values[0].sql + ", 'null')"
	}
	if made.typ == JSONB {
		made.sql = "pg_jsonb(" + made.sql + ")"
	}
	return made, nil
}

// jsonAggregate types json_agg and its kin; the sum of their arguments is the text of
// JSON values.
func (t *translation) jsonAggregate(s *scope, name string, f *pg.FuncCall) (expr, error) {
	values, err := t.jsonValues(s, f.Args)
	if err != nil {
		return expr{}, err
	}
	function, wanted := "pg_json_agg", 1
	if name == "json_object_agg" || name == "jsonb_object_agg" {
		function, wanted = "pg_json_object_agg", 2
	}
	if len(values) != wanted {
		return expr{}, undefinedFunction(name, values, f.Location)
	}
	return expr{sql: function + "(" + join(values) + ")", typ: jsonType(name)}, nil
}

// jsonValues are arguments as JSON. A relation's name stands for its rows.
func (t *translation) jsonValues(s *scope, nodes []*pg.Node) ([]expr, error) {
	made := make([]expr, len(nodes))
	for i, node := range nodes {
		e, err := t.expression(s, node)
		if columns := rowNamed(s, node); err != nil && columns != nil {
			e, err = t.jsonRow(columns)
		}
		if err == nil && !e.typ.json() {
			e, err = t.asJSON(e)
		}
		if err != nil {
			return nil, err
		}
		e.sql = "coalesce(" + e.sql + ", 'null')"
		made[i] = e
	}
	return made, nil
}

// rowNamed are the columns of a relation that is named alone.
func rowNamed(s *scope, node *pg.Node) []expr {
	c := node.GetColumnRef()
	if c == nil || len(c.Fields) != 1 || c.Fields[0].GetString_() == nil {
		return nil
	}
	return s.star(c.Fields[0].GetString_().Sval)
}

func (t *translation) jsonRow(columns []expr) (expr, error) {
	var pairs []expr
	for _, c := range columns {
		value, err := t.asJSON(c)
		if err != nil {
			return value, err
		}
		pairs = append(pairs, expr{sql: quoteText(quoteJSON(c.name))}, expr{sql: "coalesce(" + value.sql + ", 'null')"})
	}
	return expr{sql: "pg_json_row(" + join(pairs) + ")", typ: JSON}, nil
}

// asJSON is to_json of a value; SQLite's NULL is left as it is.
func (t *translation) asJSON(e expr) (expr, error) {
	if e.typ == Unknown {
		var err error
		if e, err = t.coerce(e, Text, -1); err != nil {
			return e, err
		}
	}
	kind := map[Type]string{Bool: "b", Timestamptz: "z", Timestamp: "t", TextArray: "a", Int4Array: "n", Int8Array: "n"}[e.typ]
	switch {
	case e.typ.json():
		return e, nil
	case e.typ.numeric():
		text, err := t.asText(e)
		return expr{sql: text.sql, typ: JSON}, err
	case kind != "":
		return expr{sql: "pg_to_json('" + kind + "', " + e.sql + ")", typ: JSON}, nil
	}
	text, err := t.asText(e)
	return expr{sql: "pg_to_json('s', " + text.sql + ")", typ: JSON}, err
}

// member is json -> key and json ->> key.
func (t *translation) member(s *scope, name string, a *pg.A_Expr) (expr, error) {
	e, err := t.expression(s, a.Lexpr)
	if err != nil {
		return e, err
	}
	key, err := t.expression(s, a.Rexpr)
	if err == nil && key.typ == Unknown {
		key, err = t.coerce(key, Text, locationOf(a.Rexpr))
	}
	if err != nil {
		return key, err
	}
	if !e.typ.json() || key.typ != Text && key.typ != Int4 {
		return e, mismatch(name, e.typ, key.typ, a.Location)
	}
	made := expr{sql: "pg_json_get(" + e.sql + ", " + key.sql + ", " + strconv.Itoa(len(name)-2) + ")", typ: e.typ}
	if name == "->>" {
		made.typ = Text
	}
	return made, nil
}
