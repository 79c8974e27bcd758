package livesql

import "maps"

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
	now := signature{result: Timestamptz, sql: "pg_now"}
	all := map[string]signature{
		"now": now, "transaction_timestamp": now, "statement_timestamp": now,
		"clock_timestamp": {result: Timestamptz, sql: "pg_clock"},
		"to_timestamp":    {args: []Type{Float8}, least: 1, result: Timestamptz, text: "CAST($1 * 1e6 AS INTEGER)"},
		"date":            one(Timestamptz, Date, "pg_date"),
		"date_bin":        fixed(Timestamptz, "pg_bin", Interval, Timestamptz, Timestamptz),
		"age":             {args: []Type{Timestamptz, Timestamptz}, least: 2, result: Interval, text: "($1 - $2)"},

		"lower": one(Text, Text, "pg_lower"), "upper": one(Text, Text, "pg_upper"),
		"length": one(Text, Int4, "length"), "char_length": one(Text, Int4, "length"),
		"btrim": trim("trim"), "ltrim": trim("ltrim"), "rtrim": trim("rtrim"),
		"replace":   fixed(Text, "replace", Text, Text, Text),
		"substr":    {args: []Type{Text, Int4, Int4}, least: 2, result: Text, sql: "pg_substr"},
		"substring": {args: []Type{Text, Int4, Int4}, least: 2, result: Text, sql: "pg_substr"},
		"left":      fixed(Text, "pg_left", Text, Int4), "right": fixed(Text, "pg_right", Text, Int4),
		"strpos": fixed(Int4, "instr", Text, Text), "position": fixed(Int4, "instr", Text, Text),
		"split_part":  fixed(Text, "pg_split_part", Text, Text, Int4),
		"starts_with": fixed(Bool, "pg_starts_with", Text, Text),
		"quote_ident": one(Text, Text, "pg_quote_ident"), "quote_literal": one(Text, Text, "pg_quote_literal"),
		"quote_nullable": one(Text, Text, "pg_quote_nullable"),
		"initcap":        one(Text, Text, "pg_initcap"), "reverse": one(Text, Text, "pg_reverse"), "md5": one(Text, Text, "pg_md5"),
		"lpad":   {args: []Type{Text, Int4, Text}, least: 2, result: Text, sql: "pg_lpad"},
		"rpad":   {args: []Type{Text, Int4, Text}, least: 2, result: Text, sql: "pg_rpad"},
		"repeat": fixed(Text, "pg_repeat", Text, Int4), "translate": fixed(Text, "pg_translate", Text, Text, Text),
		"regexp_replace":        {args: []Type{Text, Text, Text, Text}, least: 3, result: Text, sql: "pg_replace_re"},
		"string_to_array":       {args: []Type{Text, Text, Text}, least: 2, result: TextArray, sql: "pg_string_to_array"},
		"regexp_split_to_array": {args: []Type{Text, Text, Text}, least: 2, result: TextArray, sql: "pg_split_re"},
		"regexp_match":          {args: []Type{Text, Text, Text}, least: 2, result: TextArray, sql: "pg_match_re"},
		"octet_length":          one(Text, Int4, "pg_octets"), "ascii": one(Text, Int4, "unicode"), "chr": one(Int4, Text, "char"),
		"host": {args: []Type{Text}, least: 1, result: Text, text: "pg_split_part($1, '/', 1)"},

		"abs": one(Unknown, Unknown, "abs"),
		"pi":  {result: Float8, sql: "pi"}, "random": {result: Float8, sql: "pg_random"},
		"pg_size_pretty": one(Numeric, Text, "pg_size_pretty"),
	}
	maps.Copy(all, rarerSignatures())
	maps.Copy(all, systemSignatures())
	return all
}

// rarerSignatures are those that fewer queries call.
func rarerSignatures() map[string]signature {
	one := func(arg, result Type, sql string) signature {
		return signature{args: []Type{arg}, least: 1, result: result, sql: sql}
	}
	fixed := func(result Type, sql string, args ...Type) signature {
		return signature{args: args, least: len(args), result: result, sql: sql}
	}
	return map[string]signature{
		"json_array_length": one(JSON, Int4, "pg_json_length"), "jsonb_array_length": one(JSONB, Int4, "pg_json_length"),
		"to_hex":           {args: []Type{Int8}, least: 1, result: Text, text: "printf('%x', $1)"},
		"bit_length":       {args: []Type{Text}, least: 1, result: Int4, text: "(8 * pg_octets($1))"},
		"overlay":          {args: []Type{Text, Text, Int4, Int4}, least: 3, result: Text, sql: "pg_overlay"},
		"regexp_count":     fixed(Int4, "pg_count_re", Text, Text),
		"regexp_like":      {args: []Type{Text, Text, Text}, least: 2, result: Bool, text: "(pg_match_re($*) IS NOT NULL)"},
		"regexp_substr":    {args: []Type{Text, Text}, least: 2, result: Text, text: "pg_array_get(pg_match_re($1, '(?:' || $2 || ')'), 1)"},
		"pg_size_bytes":    one(Text, Int8, "pg_size_bytes"),
		"to_date":          fixed(Date, "pg_to_date", Text, Text),
		"make_date":        {args: []Type{Int4, Int4, Int4}, least: 3, result: Date, sql: "pg_make_time"},
		"make_timestamp":   {args: []Type{Int4, Int4, Int4, Int4, Int4, Float8}, least: 6, result: Timestamp, sql: "pg_make_time"},
		"make_timestamptz": {args: []Type{Int4, Int4, Int4, Int4, Int4, Float8}, least: 6, result: Timestamptz, sql: "pg_make_time"},
		"justify_hours":    {args: []Type{Interval}, least: 1, result: Interval, text: "$1"}, // as intervals always are here
		"gcd":              fixed(Int4, "pg_gcd", Int4, Int4), "lcm": fixed(Int4, "pg_lcm", Int4, Int4),
		"div": fixed(Numeric, "pg_quotient", Numeric, Numeric),
		"sin": one(Float8, Float8, "sin"), "cos": one(Float8, Float8, "cos"), "tan": one(Float8, Float8, "tan"),
		"asin": one(Float8, Float8, "asin"), "acos": one(Float8, Float8, "acos"), "atan": one(Float8, Float8, "atan"),
		"atan2": fixed(Float8, "atan2", Float8, Float8), "cbrt": one(Float8, Float8, "pg_cbrt"),
		"degrees": one(Float8, Float8, "degrees"), "radians": one(Float8, Float8, "radians"),
	}
}

// systemSignatures are functions of what pg_catalog describes, and of the server.
func systemSignatures() map[string]signature {
	fixed := func(result Type, sql string, args ...Type) signature {
		return signature{args: args, least: len(args), result: result, sql: sql}
	}
	visible := signature{args: []Type{OID}, least: 1, result: Bool, text: "1"}
	none := signature{args: []Type{OID}, least: 1, result: Int8, text: "0"}
	return map[string]signature{
		"format_type":         fixed(Text, "pg_format_type", OID, Int4),
		"pg_get_userbyid":     {args: []Type{OID}, least: 1, result: Text, text: "'" + catalogOwner + "'"},
		"pg_table_is_visible": visible, "pg_type_is_visible": visible,
		"pg_function_is_visible": visible,
		"pg_get_expr":            {args: []Type{Text, OID, Bool}, least: 2, result: Text, text: "$1"},
		"pg_encoding_to_char":    {args: []Type{Int4}, least: 1, result: Text, text: "'UTF8'"},
		"col_description":        {args: []Type{OID, Int4}, least: 2, result: Text, text: "NULL"},
		"obj_description":        {args: []Type{OID, Text}, least: 1, result: Text, text: "pg_description($1)"},
		"shobj_description":      {args: []Type{OID, Text}, least: 1, result: Text, text: "NULL"},
		"array_to_string":        {args: []Type{Text, Text}, least: 2, result: Text, text: "$1"}, // of privileges, which are text here
		"has_table_privilege":    {args: []Type{Unknown, Unknown, Unknown}, least: 2, result: Bool, text: "1"},
		"has_schema_privilege":   {args: []Type{Unknown, Unknown, Unknown}, least: 2, result: Bool, text: "1"},
		"pg_has_role":            {args: []Type{Unknown, Unknown, Unknown}, least: 2, result: Bool, text: "1"},
		"has_database_privilege": {args: []Type{Unknown, Unknown, Unknown}, least: 2, result: Bool, text: "1"},
		"pg_wal_lsn_diff":        fixed(Numeric, "pg_lsn_diff", Text, Text),
		"pg_is_in_recovery":      {result: Bool, text: "0"},
		"pg_client_encoding":     {result: Text, text: "'UTF8'"},
		"inet_server_addr":       {result: Text, text: "NULL"}, "inet_server_port": {result: Int4, text: "NULL"},
		"pg_table_size": none, "pg_total_relation_size": none, "pg_relation_size": none,
		"pg_database_size": {args: []Type{Unknown}, least: 1, result: Int8, text: "0"},
		"pg_backend_pid":   {result: Int4, text: "0"},
	}
}
