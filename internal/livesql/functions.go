package livesql

import (
	"database/sql/driver"
	"fmt"
	"math"
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
	for name, f := range e.functions() {
		err := d.RegisterFunction(name, &sqlite.FunctionImpl{NArgs: -1, Deterministic: true,
			Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) { return f(args) }})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) functions() map[string]scalar {
	now := func([]driver.Value) (driver.Value, error) { return e.now.UnixMicro(), nil }
	return map[string]scalar{
		"pg_now": now, "pg_clock": func([]driver.Value) (driver.Value, error) { return time.Now().UnixMicro(), nil },
		"pg_div": strict(divide), "pg_mod": strict(modulo), "pg_round": strict(roundEven),
		"pg_matches":  strict(func(a []driver.Value) (driver.Value, error) { return e.matches(a, "") }),
		"pg_imatches": strict(func(a []driver.Value) (driver.Value, error) { return e.matches(a, "(?i)") }),
		"pg_int":      reader(Int8), "pg_float": reader(Float8), "pg_numeric": reader(Numeric), "pg_bool": reader(Bool),
		"pg_time": reader(Timestamptz), "pg_interval": reader(Interval),
		"pg_bool_text": strict(func(a []driver.Value) (driver.Value, error) {
			return map[bool]string{true: "true", false: "false"}[asInt(a[0]) != 0], nil
		}),
		"pg_time_text": writer(Timestamptz), "pg_interval_text": writer(Interval), "pg_number_text": writer(Numeric),
		"pg_concat": func(a []driver.Value) (driver.Value, error) { return concat("", a), nil },
		"pg_concat_ws": func(a []driver.Value) (driver.Value, error) {
			if len(a) == 0 || a[0] == nil {
				return nil, nil
			}
			return concat(fmt.Sprint(a[0]), a[1:]), nil
		},
		"pg_greatest": extreme(1), "pg_least": extreme(-1),
		"pg_lower": onText(strings.ToLower), "pg_upper": onText(strings.ToUpper), "pg_quote_ident": onText(quoteName),
		"pg_left": strict(left), "pg_right": strict(right), "pg_split_part": strict(splitPart),
		"pg_starts_with": strict(func(a []driver.Value) (driver.Value, error) {
			return normal(strings.HasPrefix(fmt.Sprint(a[0]), fmt.Sprint(a[1]))), nil
		}),
		"pg_trunc": strict(truncate), "pg_time_part": strict(timePart), "pg_interval_part": strict(intervalPart),
		"pg_size_pretty": strict(prettySize),
		"pg_format_type": func(a []driver.Value) (driver.Value, error) { return formatType(a[0]), nil },
		"pg_regtype":     strict(func(a []driver.Value) (driver.Value, error) { return formatType(a[0]), nil }),
		"pg_regclass":    strict(e.className),
		"pg_regnamespace": strict(func(a []driver.Value) (driver.Value, error) {
			return map[int64]string{catalogOID: "pg_catalog", publicOID: "public"}[asInt(a[0])], nil
		}),
	}
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

func roundEven(a []driver.Value) (driver.Value, error) { return asInt(a[0]), nil }

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

func concat(separator string, args []driver.Value) string {
	var parts []string
	for _, a := range args {
		if a != nil {
			parts = append(parts, fmt.Sprint(a))
		}
	}
	return strings.Join(parts, separator)
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

func left(a []driver.Value) (driver.Value, error) {
	runes, n := []rune(fmt.Sprint(a[0])), int(asInt(a[1]))
	if n < 0 {
		n = max(0, len(runes)+n)
	}
	return string(runes[:min(n, len(runes))]), nil
}

func right(a []driver.Value) (driver.Value, error) {
	runes, n := []rune(fmt.Sprint(a[0])), int(asInt(a[1]))
	if n < 0 {
		n = max(0, len(runes)+n)
	}
	return string(runes[len(runes)-min(n, len(runes)):]), nil
}

func splitPart(a []driver.Value) (driver.Value, error) {
	parts, n := strings.Split(fmt.Sprint(a[0]), fmt.Sprint(a[1])), int(asInt(a[2]))
	if n < 0 {
		n = len(parts) + n + 1
	}
	if n < 1 || n > len(parts) {
		return "", nil
	}
	return parts[n-1], nil
}

// truncate is date_trunc.
func truncate(a []driver.Value) (driver.Value, error) {
	t := time.UnixMicro(asInt(a[1])).UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch strings.ToLower(fmt.Sprint(a[0])) {
	case "second":
		return t.Truncate(time.Second).UnixMicro(), nil
	case "minute":
		return t.Truncate(time.Minute).UnixMicro(), nil
	case "hour":
		return t.Truncate(time.Hour).UnixMicro(), nil
	case "day":
		return day.UnixMicro(), nil
	case "month":
		return day.AddDate(0, 0, 1-t.Day()).UnixMicro(), nil
	case "year":
		return day.AddDate(0, 1-int(t.Month()), 1-t.Day()).UnixMicro(), nil
	}
	return nil, coded(fail(codeInvalidText, -1, "date_trunc: unit %q is not recognized", a[0]))
}

func timePart(a []driver.Value) (driver.Value, error) {
	micros := asInt(a[1])
	t := time.UnixMicro(micros).UTC()
	switch strings.ToLower(fmt.Sprint(a[0])) {
	case "epoch":
		return float64(micros) / 1e6, nil
	case "year":
		return int64(t.Year()), nil
	case "month":
		return int64(t.Month()), nil
	case "day":
		return int64(t.Day()), nil
	case "hour":
		return int64(t.Hour()), nil
	case "minute":
		return int64(t.Minute()), nil
	case "second":
		return float64(t.Second()) + float64(t.Nanosecond())/1e9, nil
	case "dow":
		return int64(t.Weekday()), nil
	}
	return nil, coded(fail(codeInvalidText, -1, "unit %q is not recognized for type timestamp with time zone", a[0]))
}

func intervalPart(a []driver.Value) (driver.Value, error) {
	seconds := float64(asInt(a[1])) / 1e6
	switch strings.ToLower(fmt.Sprint(a[0])) {
	case "epoch":
		return seconds, nil
	case "day":
		return int64(seconds / 86400), nil
	case "hour":
		return int64(seconds/3600) % 24, nil
	case "minute":
		return int64(seconds/60) % 60, nil
	case "second":
		return math.Mod(seconds, 60), nil
	}
	return nil, coded(fail(codeInvalidText, -1, "unit %q is not recognized for type interval", a[0]))
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
