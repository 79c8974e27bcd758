package livesql

import "strings"

// Type is a column's PostgreSQL type.
type Type int

const (
	Unknown Type = iota // a literal or parameter that nothing has given a type yet
	Text
	Int4
	Int8
	Float8
	Numeric
	Bool
	Timestamptz
	Interval
	OID
	Date      // midnight, in SQLite as a Timestamptz
	Timestamp // a Timestamptz without its zone, which is UTC
	TextArray // text in PostgreSQL's format, as the other arrays
	Int4Array
	Int8Array
	JSON // its text
	JSONB
)

// typeFacts is what pg_type says of a type.
type typeFacts struct {
	name  string // in pg_type
	alias string // in the grammar
	oid   uint32
	size  int16
}

func (t Type) facts() typeFacts {
	return [...]typeFacts{
		Unknown:     {"unknown", "unknown", 705, -2},
		Text:        {"text", "text", 25, -1},
		Int4:        {"int4", "integer", 23, 4},
		Int8:        {"int8", "bigint", 20, 8},
		Float8:      {"float8", "double precision", 701, 8},
		Numeric:     {"numeric", "numeric", 1700, -1},
		Bool:        {"bool", "boolean", 16, 1},
		Timestamptz: {"timestamptz", "timestamp with time zone", 1184, 8},
		Interval:    {"interval", "interval", 1186, 16},
		OID:         {"oid", "oid", 26, 4},
		Date:        {"date", "date", 1082, 4},
		Timestamp:   {"timestamp", "timestamp without time zone", 1114, 8},
		TextArray:   {"_text", "text[]", 1009, -1},
		Int4Array:   {"_int4", "integer[]", 1007, -1},
		Int8Array:   {"_int8", "bigint[]", 1016, -1},
		JSON:        {"json", "json", 114, -1},
		JSONB:       {"jsonb", "jsonb", 3802, -1},
	}[t]
}

// String is the name that PostgreSQL shows (format_type).
func (t Type) String() string { return t.facts().alias }

// OID is the type's row in pg_type. What nothing gave a type is text.
func (t Type) OID() uint32 {
	if t == Unknown {
		return Text.OID()
	}
	return t.facts().oid
}

// Size is pg_type.typlen.
func (t Type) Size() int16 {
	if t == Unknown {
		return Text.Size()
	}
	return t.facts().size
}

func allTypes() []Type {
	return []Type{Text, Int4, Int8, Float8, Numeric, Bool, Timestamptz, Interval, OID, Date, Timestamp,
		TextArray, Int4Array, Int8Array, JSON, JSONB}
}

// typeNamed finds a type by a name of the grammar or of pg_type; similar types
// that no column has are taken for the next best.
func typeNamed(name string) (Type, bool) {
	for _, t := range allTypes() {
		if f := t.facts(); name == f.name || name == f.alias {
			return t, true
		}
	}
	switch strings.ToLower(name) {
	case "varchar", "bpchar", "name", "char", "unknown":
		return Text, true
	case "int2":
		return Int4, true
	case "float4":
		return Float8, true
	}
	return Unknown, false
}

// TypeOf is the type with this OID; Unknown for those we do not have.
func TypeOf(oid uint32) Type {
	for _, t := range allTypes() {
		if t.OID() == oid {
			return t
		}
	}
	switch oid {
	case 18, 19, 1042, 1043: // "char", name, bpchar, varchar
		return Text
	case 21:
		return Int4
	case 700:
		return Float8
	}
	return Unknown
}

func (t Type) numeric() bool {
	return t == Int4 || t == Int8 || t == Float8 || t == Numeric || t == OID
}

func (t Type) integer() bool { return t == Int4 || t == Int8 || t == OID }

// temporal reports whether values are points in time. All of them are the same in
// SQLite, but that dates are midnights.
func (t Type) temporal() bool { return t == Date || t == Timestamp || t == Timestamptz }

func (t Type) array() bool { return t == TextArray || t == Int4Array || t == Int8Array }

// alike reports whether values of both types can be compared.
func alike(a, b Type) bool { return a.numeric() && b.numeric() || a.temporal() && b.temporal() }

// rank orders the types that are alike: an operation has the higher one's type.
func (t Type) rank() int {
	return map[Type]int{OID: 1, Int4: 2, Int8: 3, Numeric: 4, Float8: 5, Date: 6, Timestamp: 7, Timestamptz: 8}[t]
}
