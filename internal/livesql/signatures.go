package livesql

// signatures are the functions that may be called, besides aggregates and those
// of special.
func signatures() map[string]signature {
	one := func(arg, result Type, sql string) signature {
		return signature{args: []Type{arg}, least: 1, result: result, sql: sql}
	}
	fixed := func(result Type, sql string, args ...Type) signature {
		return signature{args: args, least: len(args), result: result, sql: sql}
	}
	trim := func(sql string) signature {
		return signature{args: []Type{Text, Text}, least: 1, result: Text, sql: sql}
	}
	visible := signature{args: []Type{OID}, least: 1, result: Bool, text: "1"}
	now := signature{result: Timestamptz, sql: "pg_now"}
	return map[string]signature{
		"now": now, "transaction_timestamp": now, "statement_timestamp": now,
		"clock_timestamp": {result: Timestamptz, sql: "pg_clock"},
		"to_timestamp":    {args: []Type{Float8}, least: 1, result: Timestamptz, text: "CAST($1 * 1e6 AS INTEGER)"},
		"date_trunc":      fixed(Timestamptz, "pg_trunc", Text, Timestamptz),
		"age":             {args: []Type{Timestamptz, Timestamptz}, least: 2, result: Interval, text: "($1 - $2)"},

		"lower": one(Text, Text, "pg_lower"), "upper": one(Text, Text, "pg_upper"),
		"length": one(Text, Int4, "length"), "char_length": one(Text, Int4, "length"),
		"btrim": trim("trim"), "ltrim": trim("ltrim"), "rtrim": trim("rtrim"),
		"replace":   fixed(Text, "replace", Text, Text, Text),
		"substr":    {args: []Type{Text, Int4, Int4}, least: 2, result: Text, sql: "substr"},
		"substring": {args: []Type{Text, Int4, Int4}, least: 2, result: Text, sql: "substr"},
		"left":      fixed(Text, "pg_left", Text, Int4), "right": fixed(Text, "pg_right", Text, Int4),
		"strpos": fixed(Int4, "instr", Text, Text), "position": fixed(Int4, "instr", Text, Text),
		"split_part":  fixed(Text, "pg_split_part", Text, Text, Int4),
		"starts_with": fixed(Bool, "pg_starts_with", Text, Text),
		"quote_ident": one(Text, Text, "pg_quote_ident"),

		"abs": one(Unknown, Unknown, "abs"), "sign": one(Unknown, Unknown, "sign"),
		"ceil": one(Float8, Float8, "ceil"), "ceiling": one(Float8, Float8, "ceil"), "floor": one(Float8, Float8, "floor"),
		"round":          {args: []Type{Numeric, Int4}, least: 1, result: Numeric, sql: "round"},
		"trunc":          one(Float8, Float8, "trunc"),
		"pg_size_pretty": one(Numeric, Text, "pg_size_pretty"),

		"format_type":         fixed(Text, "pg_format_type", OID, Int4),
		"pg_get_userbyid":     {args: []Type{OID}, least: 1, result: Text, text: "'" + catalogOwner + "'"},
		"pg_table_is_visible": visible, "pg_type_is_visible": visible,
		"pg_function_is_visible": visible,
		"pg_get_expr":            {args: []Type{Text, OID, Bool}, least: 2, result: Text, text: "$1"},
		"pg_encoding_to_char":    {args: []Type{Int4}, least: 1, result: Text, text: "'UTF8'"},
		"col_description":        {args: []Type{OID, Int4}, least: 2, result: Text, text: "NULL"},
		"obj_description":        {args: []Type{OID, Text}, least: 1, result: Text, text: "NULL"},
		"array_to_string":        {args: []Type{Text, Text}, least: 2, result: Text, text: "$1"},
		"has_table_privilege":    {args: []Type{Unknown, Unknown, Unknown}, least: 2, result: Bool, text: "1"},
		"has_schema_privilege":   {args: []Type{Unknown, Unknown, Unknown}, least: 2, result: Bool, text: "1"},
		"pg_is_in_recovery":      {result: Bool, text: "0"},
		"pg_backend_pid":         {result: Int4, text: "0"},
	}
}
