package livesql

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An interval is a number of microseconds here, and so has no months: it has their 30 days.
// A literal that is added to a time still has them.

// monthsOf are the months and years of an interval's text, and the rest of it.
func monthsOf(text string) (months int, rest int64) {
	words := strings.Fields(separateUnits(strings.TrimSpace(text)))
	sign := 1
	if len(words) > 0 && strings.EqualFold(words[len(words)-1], "ago") {
		sign = -1
	}
	var kept []string
	for i := 0; i < len(words); i++ {
		n, err := strconv.Atoi(words[i])
		each := 0
		if i+1 < len(words) && err == nil {
			each = monthsIn(words[i+1])
		}
		if each == 0 {
			kept = append(kept, words[i])
			continue
		}
		months += sign * n * each
		i++
	}
	if v, err := parseInterval(strings.Join(kept, " ")); err == nil {
		rest = asInt(v)
	}
	return months, rest
}

func monthsIn(unit string) int {
	switch strings.TrimSuffix(strings.ToLower(unit), "s") {
	case "month", "mon":
		return 1
	case "year", "yr", "y":
		return 12
	}
	return 0
}

// moved is a time plus a literal that has months, or minus it.
func moved(name string, l, r expr) (expr, bool) {
	if l.typ == Interval && name == "+" {
		l, r = r, l
	}
	if !l.typ.temporal() || r.typ != Interval || r.months == 0 || (name != "+" && name != "-") {
		return expr{}, false
	}
	months, rest := r.months, r.rest
	if name == "-" {
		months, rest = -months, -rest
	}
	return expr{sql: fmt.Sprintf("pg_add_months(%s, %d, %d)", l.sql, months, rest), typ: moment(l.typ)}, true
}

// addMonths ends on the last day of a month that has no such day.
func addMonths(a []driver.Value) (driver.Value, error) {
	return monthsLater(asInt(a[0]), asInt(a[1])) + asInt(a[2]), nil
}

func monthsLater(micros, months int64) int64 {
	t := time.UnixMicro(micros).UTC()
	made := t.AddDate(0, int(max(-120000, min(120000, months))), 0)
	if made.Day() != t.Day() {
		made = made.AddDate(0, 0, -made.Day())
	}
	return made.UnixMicro()
}

// monthSeries is generate_series by months.
func monthSeries(a []driver.Value) (driver.Value, error) {
	from, to, months, rest := asInt(a[0]), asInt(a[1]), asInt(a[2]), asInt(a[3])
	forwards := monthsLater(from, months)+rest > from
	if monthsLater(from, months)+rest == from {
		return nil, coded(fail(codeInvalidParameter, -1, "step size cannot equal zero"))
	}
	var list []string
	for n := from; forwards && n <= to || !forwards && n >= to; n = monthsLater(n, months) + rest {
		if list = append(list, strconv.FormatInt(n, 10)); len(list) > maxRows {
			return nil, coded(fail(codeTooLarge, -1, "the series would have more than %d rows", maxRows))
		}
	}
	return "[" + strings.Join(list, ",") + "]", nil
}
