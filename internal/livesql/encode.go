package livesql

import (
	"database/sql/driver"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// AppendText is a value of a column in PostgreSQL's text format; the value is one
// that Normal or Run gave, but not nil. Times are shown in loc.
func AppendText(b []byte, v any, c Column, loc *time.Location) []byte {
	switch c.Type {
	case Bool:
		return append(b, map[bool]byte{true: 't', false: 'f'}[asInt(v) != 0])
	case Timestamptz:
		return appendTime(b, time.UnixMicro(asInt(v)).In(loc))
	case Timestamp:
		return time.UnixMicro(asInt(v)).UTC().AppendFormat(b, "2006-01-02 15:04:05.999999")
	case Date:
		return time.UnixMicro(asInt(v)).UTC().AppendFormat(b, time.DateOnly)
	case Interval:
		return appendInterval(b, asInt(v))
	}
	switch v := v.(type) {
	case int64:
		if c.Scale > 0 {
			return strconv.AppendFloat(b, float64(v), 'f', c.Scale, 64)
		}
		return strconv.AppendInt(b, v, 10)
	case float64:
		return appendFloat(b, v, c)
	case string:
		return append(b, v...)
	}
	return fmt.Append(b, v)
}

func appendFloat(b []byte, v float64, c Column) []byte {
	if v == 0 && c.Type == Numeric {
		v = 0 // which has no sign
	}
	switch {
	case math.IsInf(v, 0):
		return append(b, strings.TrimPrefix(fmt.Sprintf("%+fity", v), "+")...)
	case c.Type.integer():
		return strconv.AppendFloat(b, math.RoundToEven(v), 'f', 0, 64)
	case c.Scale > 0:
		return strconv.AppendFloat(b, v, 'f', c.Scale, 64)
	case c.Type == Numeric: // a double has no more digits than these
		short, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 15, 64), 64)
		return strconv.AppendFloat(b, short, 'f', -1, 64)
	case math.Abs(v) < 1e15 && math.Abs(v) >= 1e-5, v == 0:
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendTime is DateStyle ISO.
func appendTime(b []byte, t time.Time) []byte {
	b = t.AppendFormat(b, "2006-01-02 15:04:05.999999")
	zone := t.Format("-07:00:00")
	for strings.HasSuffix(zone, ":00") {
		zone = strings.TrimSuffix(zone, ":00")
	}
	return append(b, zone...)
}

// appendInterval is IntervalStyle postgres.
func appendInterval(b []byte, micros int64) []byte {
	const day = 24 * 60 * 60 * 1e6
	days, rest := micros/day, micros%day
	if days != 0 {
		b = fmt.Appendf(b, "%d day", days)
		if days != 1 {
			b = append(b, 's')
		}
		if rest == 0 {
			return b
		}
		b = append(b, ' ')
	}
	if rest < 0 {
		b, rest = append(b, '-'), -rest
	}
	seconds := rest / 1e6
	b = fmt.Appendf(b, "%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if fraction := rest % 1e6; fraction != 0 {
		b = append(b, strings.TrimRight(fmt.Sprintf(".%06d", fraction), "0")...)
	}
	return b
}

// AppendBinary is the same in binary format.
func AppendBinary(b []byte, v any, c Column) ([]byte, error) {
	var typed any
	switch c.Type {
	case Int4, Int8, OID:
		typed = asInt(v)
		if c.Type == OID {
			typed = uint32(asInt(v))
		}
	case Bool:
		typed = asInt(v) != 0
	case Timestamptz:
		typed = time.UnixMicro(asInt(v))
	case Timestamp, Date:
		typed = time.UnixMicro(asInt(v)).UTC()
	case TextArray, Int4Array, Int8Array:
		return appendArray(b, v, c.Type)
	case JSONB:
		return AppendText(append(b, 1), v, c, time.UTC), nil // the format's version
	case Interval:
		typed = pgtype.Interval{Microseconds: asInt(v), Valid: true}
	case Float8:
		typed = asFloat(v)
	case Numeric:
		var n pgtype.Numeric
		if err := n.Scan(string(AppendText(nil, v, c, time.UTC))); err != nil {
			return nil, fmt.Errorf("numeric %v: %w", v, err)
		}
		typed = n
	default:
		return AppendText(b, v, c, time.UTC), nil
	}
	return pgtype.NewMap().Encode(c.Type.OID(), pgtype.BinaryFormatCode, typed, b)
}

// appendArray translates an array from text into binary format.
func appendArray(b []byte, v any, t Type) ([]byte, error) {
	m, text := pgtype.NewMap(), AppendText(nil, v, Column{Type: t}, time.UTC)
	if t == TextArray {
		var items []*string
		err := m.Scan(t.OID(), pgtype.TextFormatCode, text, &items)
		if err != nil {
			return nil, err
		}
		return m.Encode(t.OID(), pgtype.BinaryFormatCode, items, b)
	}
	var items []*int64
	if err := m.Scan(t.OID(), pgtype.TextFormatCode, text, &items); err != nil {
		return nil, err
	}
	return m.Encode(t.OID(), pgtype.BinaryFormatCode, items, b)
}

func asInt(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return int64(math.RoundToEven(v))
	case string:
		n, _ := strconv.ParseInt(v, 10, 64) // text never stands for a number here
		return n
	}
	return 0
}

func asFloat(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	return float64(asInt(v))
}

// DecodeParam is a parameter's value as Run takes it. data is not nil.
func DecodeParam(oid uint32, format int16, data []byte) (any, error) {
	t := TypeOf(oid)
	if t == Unknown {
		t = Text
	}
	if format == pgtype.TextFormatCode || t == Text {
		return parseValue(t, string(data))
	}
	switch t {
	case Bool:
		return scan[bool](t, oid, data)
	case Timestamptz, Timestamp, Date:
		return scan[time.Time](t, oid, data)
	case JSON:
		return parseValue(t, string(data))
	case JSONB:
		return parseValue(t, strings.TrimPrefix(string(data), "\x01"))
	case TextArray, Int4Array, Int8Array:
		return scanArray(t, oid, data)
	case Interval:
		return scan[time.Duration](t, oid, data)
	case Float8, Numeric:
		return scan[float64](t, oid, data)
	}
	return scan[int64](t, oid, data)
}

// scanArray translates an array from binary into text format.
func scanArray(t Type, oid uint32, data []byte) (any, error) {
	m := pgtype.NewMap()
	var items []*string
	if t == TextArray {
		if err := m.Scan(oid, pgtype.BinaryFormatCode, data, &items); err != nil {
			return nil, fail(codeInvalidBinary, -1, "incorrect binary data format in a parameter of type %s", t)
		}
	} else {
		var numbers []*int64
		if err := m.Scan(oid, pgtype.BinaryFormatCode, data, &numbers); err != nil {
			return nil, fail(codeInvalidBinary, -1, "incorrect binary data format in a parameter of type %s", t)
		}
		for _, n := range numbers {
			items = append(items, numberText(n))
		}
	}
	values := make([]driver.Value, len(items))
	for i, item := range items {
		values[i] = valueOf(item)
	}
	return makeArray(values)
}

func numberText(n *int64) *string {
	if n == nil {
		return nil
	}
	text := strconv.FormatInt(*n, 10)
	return &text
}

func scan[T any](t Type, oid uint32, data []byte) (any, error) {
	var x T
	if err := pgtype.NewMap().Scan(oid, pgtype.BinaryFormatCode, data, &x); err != nil {
		return nil, fail(codeInvalidBinary, -1, "incorrect binary data format in a parameter of type %s", t)
	}
	return normal(x), nil
}
