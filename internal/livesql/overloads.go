package livesql

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Here are functions whose result, or name in SQLite, depends on their arguments' types.

// ofTimes are functions of points in time and intervals.
func (t *translation) ofTimes(name string, args []expr, at int32) (expr, bool, error) {
	switch {
	case (name == "extract" || name == "date_part") && len(args) == 2:
		return t.datePart(name, args, at)
	case name == "date_trunc" && (len(args) == 2 || len(args) == 3):
		return t.dateTrunc(name, args, at)
	case name == "to_char" && len(args) == 2:
		return t.toChar(args, at)
	case name == "to_timestamp" && len(args) == 2:
		e, err := t.apply(name, signature{args: []Type{Text, Text}, result: Timestamptz, sql: "pg_to_time"}, args, make([]*pg.Node, 2))
		return e, true, err
	case name == "timezone" && len(args) == 2:
		return t.atTimeZone(args, at)
	}
	return expr{}, false, nil
}

// toChar is to_char of a time, an interval or a number. A numeric is given as text:
// it is rounded as what it shows, a double as what it is.
func (t *translation) toChar(args []expr, at int32) (expr, bool, error) {
	pattern, err := t.coerce(args[1], Text, at)
	if err != nil {
		return expr{}, true, err
	}
	function, value := "", args[0].sql
	switch of := args[0].typ; {
	case of.temporal():
		function = "pg_time_char"
	case of == Interval:
		function = "pg_interval_char"
	case of == Numeric:
		function, value = "pg_number_char", "pg_number_text("+value+")"
	case of.numeric():
		function = "pg_number_char"
	default:
		return expr{}, true, undefinedFunction("to_char", args, at)
	}
	return expr{sql: function + "(" + value + ", " + pattern.sql + ")", typ: Text, name: "to_char"}, true, nil
}

// datePart is extract(field from x).
func (t *translation) datePart(name string, args []expr, at int32) (expr, bool, error) {
	field, err := t.coerce(args[0], Text, at)
	if err != nil {
		return expr{}, true, err
	}
	function := map[Type]string{Timestamptz: "pg_time_part", Timestamp: "pg_time_part", Date: "pg_time_part",
		Interval: "pg_interval_part"}[args[1].typ]
	if function == "" {
		return expr{}, true, undefinedFunction(name, args, at)
	}
	typ := map[bool]Type{true: Numeric, false: Float8}[name == "extract"]
	return expr{sql: function + "(" + field.sql + ", " + args[1].sql + ")", typ: typ, name: name}, true, nil
}

// dateTrunc has a third argument that names the zone.
func (t *translation) dateTrunc(name string, args []expr, at int32) (expr, bool, error) {
	field, err := t.coerce(args[0], Text, at)
	if err != nil {
		return expr{}, true, err
	}
	of := args[1]
	if len(args) == 3 && !isUTC(args[2]) {
		zone, err := t.coerce(args[2], Text, at)
		if err != nil || of.typ != Timestamptz {
			return expr{}, true, undefinedFunction(name, args, at)
		}
		return expr{sql: "pg_trunc_zone(" + field.sql + ", " + of.sql + ", " + zone.sql + ")", typ: Timestamptz, name: name}, true, nil
	}
	switch of.typ {
	case Interval:
		return expr{sql: "pg_trunc_interval(" + field.sql + ", " + of.sql + ")", typ: Interval, name: name}, true, nil
	case Timestamp:
	default:
		if of, err = t.coerce(of, Timestamptz, at); err != nil {
			return expr{}, true, undefinedFunction(name, args, at)
		}
	}
	return expr{sql: "pg_trunc(" + field.sql + ", " + of.sql + ")", typ: of.typ, name: name}, true, nil
}

func isUTC(zone expr) bool {
	switch zone.text {
	case "UTC", "utc", "Etc/UTC", "GMT", "Z":
		return true
	}
	return false
}

// atTimeZone is x AT TIME ZONE zone.
func (t *translation) atTimeZone(args []expr, at int32) (expr, bool, error) {
	zone, err := t.coerce(args[0], Text, at)
	switch of := args[1]; {
	case err != nil:
		return expr{}, true, err
	case of.typ == Timestamptz || of.typ == Date:
		return expr{sql: "pg_at_zone(" + zone.sql + ", " + of.sql + ")", typ: Timestamp, name: "timezone"}, true, nil
	case of.typ == Timestamp:
		return expr{sql: "pg_from_zone(" + zone.sql + ", " + of.sql + ")", typ: Timestamptz, name: "timezone"}, true, nil
	}
	return expr{}, true, unsupported(at, "AT TIME ZONE of this")
}

// makeInterval is make_interval(years, months, weeks, days, hours, mins, secs), whose
// arguments may be given by name.
func (t *translation) makeInterval(s *scope, f *pg.FuncCall) (expr, error) {
	names := []string{"years", "months", "weeks", "days", "hours", "mins", "secs"}
	var parts []string
	for i, node := range f.Args {
		unit := "none"
		if i < len(names) {
			unit = names[i]
		}
		if named := node.GetNamedArgExpr(); named != nil {
			node, unit = named.Arg, named.Name
		}
		e, err := t.typed(s, node, Float8)
		if err != nil {
			return e, err
		}
		each, ok := microseconds(unit)
		if !ok || !slices.Contains(names, unit) {
			return e, undefinedFunction("make_interval", []expr{e}, f.Location)
		}
		parts = append(parts, "("+e.sql+") * "+strconv.FormatFloat(each, 'f', -1, 64))
	}
	return expr{sql: "CAST(" + strings.Join(append(parts, "0"), " + ") + " AS INTEGER)", typ: Interval, name: "make_interval"}, nil
}

// ofNumbers are functions that PostgreSQL has for numeric and for double precision.
func (t *translation) ofNumbers(name string, args []expr, at int32) (expr, bool, error) {
	sql, known := map[string]string{"ceil": "ceil", "ceiling": "ceil", "floor": "floor", "sign": "sign",
		"trunc": "pg_truncate", "round": "round", "sqrt": "pg_sqrt",
		"exp": "pg_exp", "ln": "pg_ln", "log": "pg_log", "power": "pg_power", "pow": "pg_power", "mod": "pg_mod"}[name]
	two := map[string]int{"power": 2, "pow": 2, "mod": 2, "trunc": 1, "round": 1, "log": 1}[name]
	if !known || len(args) < max(two, 1) || len(args) > two+1 || len(args) > 2 {
		return expr{}, false, nil
	}
	for i, e := range args {
		if e.typ == Unknown {
			made, err := t.coerce(e, Float8, at)
			if err != nil {
				return expr{}, true, err
			}
			args[i] = made
		}
		if !args[i].typ.numeric() {
			return expr{}, true, undefinedFunction(name, args, at)
		}
	}
	return t.number(name, sql, args, at)
}

func (t *translation) number(name, sql string, args []expr, at int32) (expr, bool, error) {
	made := expr{typ: Float8, name: name}
	switch {
	case name == "log" && len(args) == 2:
		sql, made.typ = "pg_log_base", Numeric
	case name == "mod":
		typ, err := t.common(args, at)
		if err != nil || typ == Float8 {
			return expr{}, true, undefinedFunction(name, args, at)
		}
		made.typ = typ
	case (name == "round" || name == "trunc") && len(args) == 2:
		if args[0].typ == Float8 || !args[1].typ.integer() {
			return expr{}, true, undefinedFunction(name, args, at)
		}
		made.typ = Numeric
		if n, err := strconv.Atoi(args[1].sql); err == nil && n >= 0 && n <= 9 {
			made.scale = n
		} else if name == "round" {
			sql = "pg_round_to"
		}
	case name == "power" || name == "pow":
		if typ, err := t.common(args, at); err == nil && typ == Numeric {
			made.typ = Numeric
		}
	case args[0].typ == Numeric:
		made.typ = Numeric
	case name == "round":
		sql = "pg_round_even" // as double precision is rounded
	}
	made.sql = sql + "(" + join(args) + ")"
	return made, true, nil
}

// isPattern tells substring(text from pattern) from substring(text from position).
func isPattern(e expr) bool {
	if e.typ != Unknown || e.param > 0 {
		return e.typ == Text
	}
	_, err := strconv.Atoi(e.text)
	return err != nil && !e.null
}

func (t *translation) substringPattern(args []expr, at int32) (expr, bool, error) {
	for i := range args {
		made, err := t.coerce(args[i], Text, at)
		if err != nil {
			return expr{}, true, err
		}
		args[i] = made
	}
	return expr{sql: "pg_substring_re(" + join(args) + ")", typ: Text, name: "substring"}, true, nil
}
