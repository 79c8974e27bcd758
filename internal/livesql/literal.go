package livesql

import (
	"strconv"
	"strings"
	"time"
)

// parseValue reads a value in text format.
func parseValue(t Type, text string) (any, error) {
	trimmed := strings.TrimSpace(text)
	var v any
	var err error
	switch t {
	case Text, Unknown:
		return text, nil
	case Int4, Int8, OID:
		v, err = strconv.ParseInt(trimmed, 10, 64)
	case Float8:
		v, err = strconv.ParseFloat(trimmed, 64)
	case Numeric:
		return parseNumeric(trimmed)
	case Bool:
		return parseBool(trimmed)
	case Timestamptz, Timestamp:
		return parseTime(trimmed)
	case Date:
		v, err := parseTime(trimmed)
		if err != nil {
			return nil, fail(codeInvalidDatetime, -1, "invalid input syntax for type date: %q", text)
		}
		return midnight(asInt(v)), nil
	case TextArray, Int4Array, Int8Array:
		if !strings.HasPrefix(trimmed, "{") || !strings.HasSuffix(trimmed, "}") {
			return nil, fail(codeInvalidText, -1, "malformed array literal: %q", text)
		}
		return trimmed, nil
	case Interval:
		return parseInterval(trimmed)
	case JSON:
		_, err := decodeJSON(text)
		return text, plainError(err)
	case JSONB:
		made, err := jsonb(text)
		return made, plainError(err)
	}
	if err != nil {
		return nil, fail(codeInvalidText, -1, "invalid input syntax for type %s: %q", t, text)
	}
	if n, ok := v.(int64); ok && t == Int4 && n != int64(int32(n)) {
		return nil, fail(codeOutOfRange, -1, "value %q is out of range for type integer", text)
	}
	return v, nil
}

func parseNumeric(text string) (any, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fail(codeInvalidText, -1, "invalid input syntax for type numeric: %q", text)
	}
	return f, nil
}

// parseBool takes the words of PostgreSQL and what they begin with.
func parseBool(text string) (any, error) {
	word := strings.ToLower(text)
	begins := func(whole string, least int) bool { return len(word) >= least && strings.HasPrefix(whole, word) }
	switch {
	case begins("true", 1), begins("yes", 1), word == "on", word == "1":
		return int64(1), nil
	case begins("false", 1), begins("no", 1), begins("off", 2), word == "0":
		return int64(0), nil
	}
	return nil, fail(codeInvalidText, -1, "invalid input syntax for type boolean: %q", text)
}

// parseTime takes ISO 8601 and its relatives; without a zone it is UTC.
func parseTime(text string) (any, error) {
	switch strings.ToLower(text) {
	case "epoch":
		return int64(0), nil
	case "now":
		return time.Now().UnixMicro(), nil
	case "today":
		return midnight(time.Now().UnixMicro()), nil
	case "yesterday":
		return midnight(time.Now().UnixMicro()) - day, nil
	case "tomorrow":
		return midnight(time.Now().UnixMicro()) + day, nil
	}
	for _, layout := range []string{
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07",
		"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 MST", "2006-01-02 15:04", "2006-01-02",
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "20060102",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return nil, fail(codeInvalidDatetime, -1, "invalid input syntax for type timestamp with time zone: %q", text)
}

// microseconds in a unit of time.
func microseconds(unit string) (float64, bool) {
	const second = 1e6
	unit = strings.ToLower(unit)
	if len(unit) > 2 {
		unit = strings.TrimSuffix(unit, "s")
	}
	switch unit {
	case "microsecond", "usec", "us":
		return 1, true
	case "millisecond", "msec", "ms":
		return 1e3, true
	case "second", "sec", "s":
		return second, true
	case "minute", "min", "m":
		return 60 * second, true
	case "hour", "hr", "h":
		return 3600 * second, true
	case "day", "d":
		return 86400 * second, true
	case "week", "w":
		return 7 * 86400 * second, true
	case "month", "mon":
		return 30 * 86400 * second, true
	case "year", "yr", "y":
		return 365.25 * 86400 * second, true
	}
	return 0, false
}

// parseInterval takes "1 hour 30 minutes", "1:30:00" and mixtures, with "ago".
func parseInterval(text string) (any, error) {
	bad := fail(codeInvalidDatetime, -1, "invalid input syntax for type interval: %q", text)
	total, sign := 0.0, 1.0
	words := strings.Fields(separateUnits(text))
	for i := 0; i < len(words); i++ {
		word := words[i]
		if strings.EqualFold(word, "ago") && i == len(words)-1 && i > 0 {
			sign = -1
			continue
		}
		if strings.Contains(word, ":") {
			clock, ok := parseClock(word)
			if !ok {
				return nil, bad
			}
			total += clock
			continue
		}
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, bad
		}
		unit := "second"
		if i+1 < len(words) && !strings.Contains(words[i+1], ":") {
			i++
			unit = words[i]
		}
		factor, ok := microseconds(unit)
		if !ok {
			return nil, bad
		}
		total += n * factor
	}
	if len(words) == 0 {
		return nil, bad
	}
	return int64(sign * total), nil
}

// separateUnits puts a space between a number and the unit written onto it.
func separateUnits(text string) string {
	var b strings.Builder
	digits := false
	for _, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if letter && digits {
			b.WriteByte(' ')
		}
		digits = r >= '0' && r <= '9'
		b.WriteRune(r)
	}
	return b.String()
}

// parseClock reads [-]h:mm[:ss[.fraction]] as microseconds.
func parseClock(text string) (float64, bool) {
	sign := 1.0
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = -1, rest
	}
	total, unit := 0.0, 3600e6
	parts := strings.Split(text, ":")
	if len(parts) > 3 {
		return 0, false
	}
	for _, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || n < 0 {
			return 0, false
		}
		total += n * unit
		unit /= 60
	}
	return sign * total, true
}
