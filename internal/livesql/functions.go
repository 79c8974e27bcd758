package livesql

import (
	"database/sql/driver"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"modernc.org/sqlite"
)

type matcher interface{ MatchString(string) bool }

type scalar func(args []driver.Value) (driver.Value, error)

// register gives SQLite the tables and the functions that it does not have.
func (e *engine) register(d *sqlite.Driver) error {
	if err := d.RegisterModule("live", e); err != nil {
		return err
	}
	if err := registerAggregates(d, e.aggregates()); err != nil {
		return err
	}
	for name, f := range e.functions() {
		err := d.RegisterFunction(name, &sqlite.FunctionImpl{NArgs: -1, Deterministic: name != "pg_random",
			Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) { return f(args) }})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) functions() map[string]scalar {
	now := func([]driver.Value) (driver.Value, error) { return e.now.UnixMicro(), nil }
	all := map[string]scalar{
		"pg_now": now, "pg_today": func([]driver.Value) (driver.Value, error) { return midnight(e.now.UnixMicro()), nil },
		"pg_random":   func([]driver.Value) (driver.Value, error) { return rand.Float64(), nil },
		"pg_clock":    func([]driver.Value) (driver.Value, error) { return time.Now().UnixMicro(), nil },
		"pg_matches":  strict(func(a []driver.Value) (driver.Value, error) { return e.matches(a, "(?s)") }),
		"pg_imatches": strict(func(a []driver.Value) (driver.Value, error) { return e.matches(a, "(?is)") }),
		"pg_int":      reader(Int4), "pg_bigint": reader(Int8), "pg_float": reader(Float8), "pg_numeric": reader(Numeric), "pg_bool": reader(Bool),
		"pg_time": reader(Timestamptz), "pg_interval": reader(Interval),
		"pg_bool_text": strict(func(a []driver.Value) (driver.Value, error) {
			return map[bool]string{true: "true", false: "false"}[asInt(a[0]) != 0], nil
		}),
		"pg_time_text": writer(Timestamptz), "pg_date_text": writer(Date), "pg_timestamp_text": writer(Timestamp),
		"pg_interval_text": writer(Interval), "pg_number_text": writer(Numeric), "pg_float_text": writer(Float8),
		"pg_concat": func(a []driver.Value) (driver.Value, error) { return concat("", a) },
		"pg_concat_ws": func(a []driver.Value) (driver.Value, error) {
			if len(a) == 0 || a[0] == nil {
				return nil, nil
			}
			return concat(fmt.Sprint(a[0]), a[1:])
		},
		"pg_number_char": strict(func(a []driver.Value) (driver.Value, error) {
			text, err := numberChar(a[0], fmt.Sprint(a[1]))
			return text, err
		}),
		"pg_greatest": extreme(1), "pg_least": extreme(-1),
		"pg_size_pretty": strict(prettySize),
		"pg_format_type": func(a []driver.Value) (driver.Value, error) { return formatType(a[0]), nil },
		"pg_regtype":     strict(func(a []driver.Value) (driver.Value, error) { return formatType(a[0]), nil }),
		"pg_regclass":    strict(e.className),
		"pg_regnamespace": strict(func(a []driver.Value) (driver.Value, error) {
			return map[int64]string{catalogOID: "pg_catalog", publicOID: "public"}[asInt(a[0])], nil
		}),
		"pg_description": strict(e.description),
	}
	for _, more := range []map[string]scalar{timeFunctions(), textFunctions(), mathFunctions(), arrayFunctions(), jsonFunctions()} {
		maps.Copy(all, more)
	}
	return all
}

// description is what a table is for.
func (e *engine) description(a []driver.Value) (driver.Value, error) {
	n := int(asInt(a[0])) - firstOID
	if tables := e.query.catalog.tables; n >= 0 && n < len(tables) && tables[n].Help != "" {
		return tables[n].Help, nil
	}
	return nil, nil
}

// strict is NULL when an argument is.
func strict(f scalar) scalar {
	return func(args []driver.Value) (driver.Value, error) {
		for _, a := range args {
			if a == nil {
				return nil, nil
			}
		}
		return f(args)
	}
}

func reader(t Type) scalar {
	return strict(func(a []driver.Value) (driver.Value, error) {
		v, err := parseValue(t, fmt.Sprint(a[0]))
		return v, coded(err)
	})
}

// coded puts the SQLSTATE where explain finds it behind SQLite.
func coded(err error) error {
	if e, ok := err.(*Error); ok {
		return fmt.Errorf("%s: %s", e.Code, e.Message)
	}
	return err
}

func writer(t Type) scalar {
	return strict(func(a []driver.Value) (driver.Value, error) {
		return string(AppendText(nil, a[0], Column{Type: t}, time.UTC)), nil
	})
}

func onText(f func(string) string) scalar {
	return strict(func(a []driver.Value) (driver.Value, error) { return f(fmt.Sprint(a[0])), nil })
}

var errDivision = fail(codeDivisionByZero, -1, "division by zero")

func divide(a []driver.Value) (driver.Value, error) {
	if asFloat(a[1]) == 0 {
		return nil, coded(errDivision)
	}
	x, ok1 := a[0].(int64)
	y, ok2 := a[1].(int64)
	if ok1 && ok2 {
		return x / y, nil
	}
	return asFloat(a[0]) / asFloat(a[1]), nil
}

func modulo(a []driver.Value) (driver.Value, error) {
	if asFloat(a[1]) == 0 {
		return nil, coded(errDivision)
	}
	x, ok1 := a[0].(int64)
	y, ok2 := a[1].(int64)
	if ok1 && ok2 {
		return x % y, nil
	}
	return math.Mod(asFloat(a[0]), asFloat(a[1])), nil
}

// whole rounds to a whole number of so many bits: a half of a double to the even one, a
// half of a numeric away from zero, which the third argument says.
func whole(a []driver.Value) (driver.Value, error) {
	n, bits := asInt(a[0]), asInt(a[1])
	if f, ok := a[0].(float64); ok {
		if math.IsNaN(f) || math.Abs(f) >= 1<<63 {
			return nil, coded(fail(codeOutOfRange, -1, "value out of range for type bigint"))
		}
		if asInt(a[2]) != 0 {
			n = int64(math.Round(f))
		}
	}
	if bits == 32 && n != int64(int32(n)) {
		return nil, coded(fail(codeOutOfRange, -1, "value %d is out of range for type integer", n))
	}
	return n, nil
}

// matches is ~ with Go's regular expressions, which are PostgreSQL's but for
// back references and look-around.
func (e *engine) matches(a []driver.Value, flags string) (driver.Value, error) {
	pattern := flags + fmt.Sprint(a[1])
	if e.patterns == nil {
		e.patterns = map[string]matcher{}
	}
	if e.patterns[pattern] == nil {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, coded(fail(codeInvalidRegexp, -1, "invalid regular expression: %s", err))
		}
		e.patterns[pattern] = re
	}
	return normal(e.patterns[pattern].MatchString(fmt.Sprint(a[0]))), nil
}

func concat(separator string, args []driver.Value) (driver.Value, error) {
	var parts []string
	size := 0
	for _, a := range args {
		if a != nil {
			parts = append(parts, fmt.Sprint(a))
			size += len(parts[len(parts)-1]) + len(separator)
		}
	}
	if size > maxValue {
		return nil, errTooLong
	}
	return strings.Join(parts, separator), nil
}

// extreme is greatest or least; NULLs do not count.
func extreme(sign int) scalar {
	return func(args []driver.Value) (driver.Value, error) {
		var best driver.Value
		for _, a := range args {
			if a != nil && (best == nil || sign*compareValues(a, best) > 0) {
				best = a
			}
		}
		return best, nil
	}
}

func compareValues(a, b driver.Value) int {
	if s, ok := a.(string); ok {
		return strings.Compare(s, fmt.Sprint(b))
	}
	switch x, y := asFloat(a), asFloat(b); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// prettySize is pg_size_pretty: units change at 10240 of them.
func prettySize(a []driver.Value) (driver.Value, error) {
	n := asFloat(a[0])
	for _, unit := range []string{"bytes", "kB", "MB", "GB"} {
		if math.Abs(n) < 10*1024 {
			return fmt.Sprintf("%.0f %s", n, unit), nil
		}
		n /= 1024
	}
	return fmt.Sprintf("%.0f TB", n), nil
}

func formatType(oid driver.Value) driver.Value {
	if oid == nil {
		return nil
	}
	if asInt(oid) == 0 {
		return "-"
	}
	t := TypeOf(uint32(asInt(oid)))
	if t == Unknown {
		return "???"
	}
	return t.String()
}

// className is regclass as text.
func (e *engine) className(a []driver.Value) (driver.Value, error) {
	n := int(asInt(a[0])) - firstOID
	if tables := e.query.catalog.tables; n >= 0 && n < len(tables) {
		return tables[n].Name, nil
	}
	return fmt.Sprint(asInt(a[0])), nil
}
