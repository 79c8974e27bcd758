package livesql

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"modernc.org/sqlite"
)

func arrayFunctions() map[string]scalar {
	return map[string]scalar{
		"pg_array_item":  func(a []driver.Value) (driver.Value, error) { return arrayItem(a[0]), nil },
		"pg_array":       func(a []driver.Value) (driver.Value, error) { return makeArray(a) },
		"pg_cardinality": strict(func(a []driver.Value) (driver.Value, error) { return int64(len(arrayItems(a[0]))), nil }),
		"pg_array_get": strict(func(a []driver.Value) (driver.Value, error) {
			items, n := arrayItems(a[0]), asInt(a[1])
			if n < 1 || n > int64(len(items)) {
				return nil, nil
			}
			return valueOf(items[n-1]), nil
		}),
		"pg_array_has": func(a []driver.Value) (driver.Value, error) { return arrayHas(a[0], a[1]), nil },
		"pg_array_position": func(a []driver.Value) (driver.Value, error) {
			for i, item := range arrayItems(a[0]) {
				if valueOf(item) == a[1] {
					return int64(i + 1), nil
				}
			}
			return nil, nil
		},
		"pg_array_to_string": arrayToString,
		"pg_string_to_array": stringToArray,
		"pg_split_re":        strict(splitPattern),
		"pg_match_re":        strict(matchPattern),
		"pg_array_json":      strict(arrayJSON),
		"pg_series_json":     strict(seriesJSON),
		"pg_matches_json":    strict(matchesJSON),
	}
}

// arrayItems reads an array of one dimension; nil is NULL.
func arrayItems(v driver.Value) []*string {
	var items []*string
	text := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(v), "{"), "}")
	for more := text != ""; more; {
		var item *string
		item, text, more = nextItem(text)
		items = append(items, item)
	}
	return items
}

func nextItem(text string) (item *string, rest string, more bool) {
	var b strings.Builder
	quoted, inside := false, false
	i := 0
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			quoted, inside = true, !inside
		case c == ',' && !inside:
			more, rest = true, text[i+1:]
			i = len(text)
		default:
			b.WriteByte(c)
		}
	}
	made := b.String()
	if !quoted {
		made = strings.TrimSpace(made)
		if strings.EqualFold(made, "null") {
			return nil, rest, more
		}
	}
	return &made, rest, more
}

func valueOf(item *string) driver.Value {
	if item == nil {
		return nil
	}
	return *item
}

func makeArray(items []driver.Value) (driver.Value, error) {
	texts := make([]string, len(items))
	size := 0
	for i, v := range items {
		texts[i] = arrayItem(v)
		if size += len(texts[i]); size > maxValue {
			return nil, errTooLong
		}
	}
	return "{" + strings.Join(texts, ",") + "}", nil
}

// arrayHas is = ANY: NULL when only a NULL may be equal.
func arrayHas(array, value driver.Value) driver.Value {
	if array == nil {
		return nil
	}
	items := arrayItems(array)
	if value == nil && len(items) > 0 {
		return nil
	}
	var found driver.Value = int64(0)
	for _, item := range items {
		if item == nil {
			found = nil
		} else if *item == fmt.Sprint(value) {
			return int64(1)
		}
	}
	return found
}

func arrayToString(a []driver.Value) (driver.Value, error) {
	if a[0] == nil || a[1] == nil {
		return nil, nil
	}
	var parts []driver.Value
	for _, item := range arrayItems(a[0]) {
		switch {
		case item != nil:
			parts = append(parts, *item)
		case len(a) > 2:
			parts = append(parts, a[2])
		}
	}
	return concat(fmt.Sprint(a[1]), parts)
}

// stringToArray is string_to_array(text, separator [, what stands for NULL]); without a
// separator each character is an element.
func stringToArray(a []driver.Value) (driver.Value, error) {
	if a[0] == nil {
		return nil, nil
	}
	var items []driver.Value
	text, separator := fmt.Sprint(a[0]), ""
	if a[1] != nil {
		separator = fmt.Sprint(a[1])
	}
	parts := strings.Split(text, separator)
	if a[1] != nil && separator == "" {
		parts = []string{text}
	}
	if text == "" {
		parts = nil
	}
	for _, part := range parts {
		if len(a) > 2 && a[2] != nil && part == fmt.Sprint(a[2]) {
			items = append(items, nil)
		} else {
			items = append(items, part)
		}
	}
	return makeArray(items)
}

func splitPattern(a []driver.Value) (driver.Value, error) {
	re, err := compileWith(a, 2)
	if err != nil {
		return nil, err
	}
	var items []driver.Value
	for _, part := range re.Split(fmt.Sprint(a[0]), -1) {
		items = append(items, part)
	}
	return makeArray(items)
}

// matchPattern is regexp_match.
func matchPattern(a []driver.Value) (driver.Value, error) {
	re, err := compileWith(a, 2)
	if err != nil {
		return nil, err
	}
	found := re.FindStringSubmatchIndex(fmt.Sprint(a[0]))
	if found == nil {
		return nil, nil
	}
	return matched(fmt.Sprint(a[0]), found)
}

// matchesJSON is regexp_matches: of the first match, unless the flags have a g.
func matchesJSON(a []driver.Value) (driver.Value, error) {
	re, err := compileWith(a, 2)
	if err != nil {
		return nil, err
	}
	n := 1
	if len(a) > 2 && strings.Contains(fmt.Sprint(a[2]), "g") {
		n = -1
	}
	var rows []driver.Value
	for _, found := range re.FindAllStringSubmatchIndex(fmt.Sprint(a[0]), n) {
		row, err := matched(fmt.Sprint(a[0]), found)
		if err != nil {
			return nil, err
		}
		rows = append(rows, quoteJSON(fmt.Sprint(row)))
	}
	return jsonArray(",", rows)
}

// matched is an array of a match's groups, or of all of it.
func matched(text string, found []int) (driver.Value, error) {
	if len(found) > 2 {
		found = found[2:]
	}
	var items []driver.Value
	for i := 0; i < len(found); i += 2 {
		if found[i] < 0 {
			items = append(items, nil)
			continue
		}
		items = append(items, text[found[i]:found[i+1]])
	}
	return makeArray(items)
}

// arrayJSON is an array that json_each reads; a second argument says that its elements
// are numbers.
func arrayJSON(a []driver.Value) (driver.Value, error) {
	var parts []driver.Value
	for _, item := range arrayItems(a[0]) {
		switch {
		case item == nil:
			parts = append(parts, "null")
		case asInt(a[1]) != 0:
			if _, err := strconv.ParseInt(*item, 10, 64); err != nil {
				return nil, coded(fail(codeInvalidText, -1, "invalid input syntax for type integer: %q", *item))
			}
			parts = append(parts, *item)
		default:
			parts = append(parts, quoteJSON(*item))
		}
	}
	return jsonArray(",", parts)
}

// joined is string_agg(DISTINCT ...): SQLite's DISTINCT wants one argument, which is an
// array of the separator and the text.
type joined struct {
	noInverse
	parts []driver.Value
	size  int
}

func (j *joined) Step(_ *sqlite.FunctionContext, a []driver.Value) error {
	pair := arrayItems(a[0])
	if len(pair) != 2 || pair[1] == nil {
		return nil
	}
	if len(j.parts) > 0 {
		j.parts = append(j.parts, valueOf(pair[0]))
	}
	j.parts = append(j.parts, *pair[1])
	if j.size += len(*pair[1]); j.size > maxValue {
		return errTooLong
	}
	return nil
}

func (j *joined) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	if len(j.parts) == 0 {
		return nil, nil
	}
	return concat("", j.parts)
}
