package livesql

import (
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"time"
)

// All times are those of UTC, the console's time zone.

const day = int64(24 * time.Hour / time.Microsecond)

func timeFunctions() map[string]scalar {
	return map[string]scalar{
		"pg_trunc": strict(truncate), "pg_trunc_interval": strict(truncateInterval), "pg_bin": strict(bin),
		"pg_time_part": strict(timePart), "pg_interval_part": strict(intervalPart),
		"pg_date": strict(func(a []driver.Value) (driver.Value, error) { return midnight(asInt(a[0])), nil }),
		"pg_time_char": strict(func(a []driver.Value) (driver.Value, error) {
			return timeChar(time.UnixMicro(asInt(a[0])).UTC(), timePatterns(), fmt.Sprint(a[1])), nil
		}),
		"pg_interval_char": strict(func(a []driver.Value) (driver.Value, error) {
			return intervalChar(asInt(a[0]), fmt.Sprint(a[1])), nil
		}),
		"pg_at_zone": strict(atZone), "pg_from_zone": strict(fromZone), "pg_trunc_zone": strict(truncateZone),
		"pg_add_months": strict(addMonths), "pg_month_series": strict(monthSeries),
		"pg_make_time": strict(makeTime), "pg_to_date": strict(toDate), "pg_to_time": strict(toTime),
	}
}

// midnight is the beginning of a time's day, also before 1970.
func midnight(micros int64) int64 {
	rest := micros % day
	if rest < 0 {
		rest += day
	}
	return micros - rest
}

// unitOf is a field's name without its plural.
func unitOf(v driver.Value) string {
	unit := strings.ToLower(fmt.Sprint(v))
	if strings.HasSuffix(unit, "s") && len(unit) > 3 {
		unit = unit[:len(unit)-1]
	}
	return unit
}

func unknownUnit(unit driver.Value, of string) error {
	return coded(fail(codeInvalidParameter, -1, "unit %q is not recognized for type %s", unit, of))
}

// truncate is date_trunc.
func truncate(a []driver.Value) (driver.Value, error) {
	return truncateIn(a, time.UTC)
}

func truncateIn(a []driver.Value, zone *time.Location) (driver.Value, error) {
	t := time.UnixMicro(asInt(a[1])).In(zone)
	today := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
	firstOf := func(month time.Month) int64 { return time.Date(t.Year(), month, 1, 0, 0, 0, 0, zone).UnixMicro() }
	switch unitOf(a[0]) {
	case "microsecond":
		return t.UnixMicro(), nil
	case "millisecond":
		return t.Truncate(time.Millisecond).UnixMicro(), nil
	case "second":
		return t.Truncate(time.Second).UnixMicro(), nil
	case "minute":
		return t.Truncate(time.Minute).UnixMicro(), nil
	case "hour":
		return t.Add(-time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond())).UnixMicro(), nil
	case "day":
		return today.UnixMicro(), nil
	case "week":
		return today.AddDate(0, 0, 1-isoWeekday(t)).UnixMicro(), nil
	case "month":
		return firstOf(t.Month()), nil
	case "quarter":
		return firstOf(t.Month() - (t.Month()-1)%3), nil
	case "year":
		return firstOf(time.January), nil
	}
	return nil, unknownUnit(a[0], "timestamp with time zone")
}

// isoWeekday is 1 for Monday, 7 for Sunday.
func isoWeekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

// truncateInterval is date_trunc of an interval.
func truncateInterval(a []driver.Value) (driver.Value, error) {
	unit, ok := microseconds(unitOf(a[0]))
	if !ok {
		return nil, unknownUnit(a[0], "interval")
	}
	return asInt(a[1]) / int64(unit) * int64(unit), nil
}

// bin is date_bin: the stride that a time falls into, counted from an origin.
func bin(a []driver.Value) (driver.Value, error) {
	stride, t, origin := asInt(a[0]), asInt(a[1]), asInt(a[2])
	if stride <= 0 {
		return nil, coded(fail(codeInvalidParameter, -1, "stride must be greater than zero"))
	}
	return origin + int64(math.Floor(float64(t-origin)/float64(stride)))*stride, nil
}

func timePart(a []driver.Value) (driver.Value, error) {
	micros := asInt(a[1])
	t := time.UnixMicro(micros).UTC()
	seconds := float64(t.Second()) + float64(t.Nanosecond())/1e9
	isoYear, isoWeek := t.ISOWeek()
	part, ok := map[string]any{
		"epoch": float64(micros) / 1e6, "year": t.Year(), "decade": t.Year() / 10, "century": (t.Year() + 99) / 100,
		"millennium": (t.Year() + 999) / 1000, "quarter": (int(t.Month()) + 2) / 3, "month": int(t.Month()),
		"week": isoWeek, "isoyear": isoYear, "day": t.Day(), "doy": t.YearDay(), "dow": int(t.Weekday()), "isodow": isoWeekday(t),
		"hour": t.Hour(), "minute": t.Minute(), "second": seconds, "millisecond": seconds * 1e3,
		"microsecond": int64(math.Round(seconds * 1e6)), "timezone": 0,
	}[unitOf(a[0])]
	if !ok {
		return nil, unknownUnit(a[0], "timestamp with time zone")
	}
	return normal(part), nil
}

func intervalPart(a []driver.Value) (driver.Value, error) {
	micros := asInt(a[1])
	within := float64(micros % 60e6)
	part, ok := map[string]any{
		"epoch": float64(micros) / 1e6, "day": micros / day, "hour": micros % day / 3600e6, "minute": micros % 3600e6 / 60e6,
		"second": within / 1e6, "millisecond": within / 1e3, "microsecond": int64(within),
	}[unitOf(a[0])]
	if !ok {
		return nil, unknownUnit(a[0], "interval")
	}
	return normal(part), nil
}

// zoneNamed is a time zone by its name.
func zoneNamed(name driver.Value) (*time.Location, error) {
	zone, err := time.LoadLocation(fmt.Sprint(name))
	if err != nil || fmt.Sprint(name) == "Local" {
		return nil, coded(fail(codeInvalidParameter, -1, "time zone %q not recognized", name))
	}
	return zone, nil
}

// atZone is what a clock shows at a time in a zone.
func atZone(a []driver.Value) (driver.Value, error) {
	zone, err := zoneNamed(a[0])
	if err != nil {
		return nil, err
	}
	t := time.UnixMicro(asInt(a[1]))
	_, offset := t.In(zone).Zone()
	return t.UnixMicro() + int64(offset)*1e6, nil
}

// fromZone is the time at which a clock in a zone shows this.
func fromZone(a []driver.Value) (driver.Value, error) {
	zone, err := zoneNamed(a[0])
	if err != nil {
		return nil, err
	}
	t := time.UnixMicro(asInt(a[1])).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UnixMicro(), nil
}

// truncateZone is date_trunc with a zone.
func truncateZone(a []driver.Value) (driver.Value, error) {
	zone, err := zoneNamed(a[2])
	if err != nil {
		return nil, err
	}
	return truncateIn(a, zone)
}

// makeTime is make_date, and with hour, minute and seconds make_timestamp.
func makeTime(a []driver.Value) (driver.Value, error) {
	n := [5]int{}
	for i := range min(len(a), 5) {
		n[i] = int(asInt(a[i]))
	}
	seconds := 0.0
	if len(a) > 5 {
		seconds = asFloat(a[5])
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], 0, 0, time.UTC)
	if int(t.Month()) != n[1] || t.Day() != n[2] || t.Hour() != n[3] || t.Minute() != n[4] || seconds < 0 || seconds > 60 {
		return nil, coded(fail(codeDatetimeField, -1, "date field value out of range"))
	}
	return t.UnixMicro() + int64(math.Round(seconds*1e6)), nil
}

// toTime is to_timestamp(text, format), with the patterns of numbers.
func toTime(a []driver.Value) (driver.Value, error) {
	layout := strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "HH24", "15", "MI", "04", "SS", "05", "MS", "000", "US", "000000",
		"Month", "January", "Mon", "Jan").Replace(fmt.Sprint(a[1]))
	t, err := time.Parse(layout, fmt.Sprint(a[0]))
	if err != nil {
		return nil, coded(fail(codeInvalidDatetime, -1, "%q does not have the format %q", a[0], a[1]))
	}
	return t.UnixMicro(), nil
}

func toDate(a []driver.Value) (driver.Value, error) {
	t, err := toTime(a)
	if err != nil {
		return nil, err
	}
	return midnight(asInt(t)), nil
}

// timeChar is to_char of a time, with the patterns of the manual's table 9.26 but for
// Roman numerals, the era and Julian days.
func timeChar(t time.Time, patterns []timePatternOf, format string) string {
	var b strings.Builder
	for format != "" {
		if rest, found := strings.CutPrefix(format, `"`); found {
			text, after, _ := strings.Cut(rest, `"`)
			b.WriteString(text)
			format = after
			continue
		}
		name, text := timePattern(t, patterns, format)
		b.WriteString(text)
		format = format[len(name):]
	}
	return b.String()
}

// intervalChar is to_char of an interval: its days and what is left of a day.
func intervalChar(micros int64, format string) string {
	sign := ""
	if micros < 0 {
		sign, micros = "-", -micros
	}
	var patterns []timePatternOf
	for _, p := range timePatterns() {
		switch p.name {
		case "HH24", "HH12", "HH", "MI", "SS", "MS", "US":
			patterns = append(patterns, p)
		}
	}
	patterns = append(patterns, timePatternOf{"DD", true, func(time.Time) string { return fmt.Sprintf("%02d", micros/day) }})
	return sign + timeChar(time.UnixMicro(micros).UTC(), patterns, format)
}

// timePattern is the pattern that a format begins with, and what it stands for; any
// other character stands for itself.
func timePattern(t time.Time, patterns []timePatternOf, format string) (pattern, text string) {
	bare := strings.TrimPrefix(format, "FM")
	for _, p := range patterns {
		if len(bare) < len(p.name) || bare[:len(p.name)] != p.name && !(p.anyCase && strings.EqualFold(bare[:len(p.name)], p.name)) {
			continue
		}
		text = p.text(t)
		if len(bare) < len(format) {
			text = strings.TrimSpace(text)
			if n := strings.TrimLeft(text, "0"); text != "" && text[0] == '0' {
				text = n
				if n == "" {
					text = "0"
				}
			}
		}
		return format[:len(format)-len(bare)+len(p.name)], text
	}
	for i := range format {
		if i > 0 {
			return format[:i], format[:i]
		}
	}
	return format, format
}

type timePatternOf struct {
	name    string
	anyCase bool
	text    func(time.Time) string
}

// timePatterns is in the order in which they are tried: longer ones first.
func timePatterns() []timePatternOf {
	layout := func(l string) func(time.Time) string { return func(t time.Time) string { return t.Format(l) } }
	number := func(f string, n func(time.Time) int) func(time.Time) string {
		return func(t time.Time) string { return fmt.Sprintf(f, n(t)) }
	}
	changed := func(f func(string) string, l string) func(time.Time) string {
		return func(t time.Time) string { return f(t.Format(l)) }
	}
	week := func(t time.Time) int { _, w := t.ISOWeek(); return w }
	isoYear := func(t time.Time) int { y, _ := t.ISOWeek(); return y }
	twelve := number("%02d", func(t time.Time) int { return (t.Hour()+11)%12 + 1 })
	padded := func(t time.Time) string { return fmt.Sprintf("%-9s", t.Weekday()) }
	return []timePatternOf{
		{"HH24", true, layout("15")}, {"HH12", true, twelve}, {"HH", true, twelve}, {"MI", true, layout("04")},
		{"SS", true, layout("05")}, {"MS", true, number("%03d", func(t time.Time) int { return t.Nanosecond() / 1e6 })},
		{"US", true, number("%06d", func(t time.Time) int { return t.Nanosecond() / 1e3 })},
		{"YYYY", true, layout("2006")}, {"YY", true, layout("06")}, {"IYYY", true, number("%04d", isoYear)},
		{"MONTH", false, func(t time.Time) string { return fmt.Sprintf("%-9s", strings.ToUpper(t.Month().String())) }},
		{"Month", false, func(t time.Time) string { return fmt.Sprintf("%-9s", t.Month()) }},
		{"month", false, func(t time.Time) string { return fmt.Sprintf("%-9s", strings.ToLower(t.Month().String())) }},
		{"MON", false, changed(strings.ToUpper, "Jan")}, {"Mon", false, layout("Jan")}, {"mon", false, changed(strings.ToLower, "Jan")},
		{"MM", true, layout("01")}, {"DAY", false, func(t time.Time) string { return strings.ToUpper(padded(t)) }},
		{"Day", false, padded}, {"day", false, func(t time.Time) string { return strings.ToLower(padded(t)) }},
		{"DDD", true, layout("002")}, {"DD", true, layout("02")}, {"DY", false, changed(strings.ToUpper, "Mon")},
		{"Dy", false, layout("Mon")}, {"dy", false, changed(strings.ToLower, "Mon")},
		{"ID", true, number("%d", isoWeekday)}, {"IW", true, number("%02d", week)},
		{"WW", true, number("%02d", func(t time.Time) int { return (t.YearDay()-1)/7 + 1 })},
		{"D", true, number("%d", func(t time.Time) int { return int(t.Weekday()) + 1 })},
		{"Q", true, number("%d", func(t time.Time) int { return (int(t.Month()) + 2) / 3 })},
		{"AM", false, layout("PM")}, {"PM", false, layout("PM")}, {"am", false, layout("pm")}, {"pm", false, layout("pm")},
		{"TZ", false, layout("MST")}, {"tz", false, changed(strings.ToLower, "MST")}, {"OF", false, layout("-07")},
	}
}
