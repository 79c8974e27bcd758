package livesql

import (
	"bytes"
	"cmp"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
)

func jsonFunctions() map[string]scalar {
	return map[string]scalar{
		"pg_to_json": strict(toJSON),
		"pg_jsonb":   strict(func(a []driver.Value) (driver.Value, error) { return jsonb(fmt.Sprint(a[0])) }),
		"pg_json": strict(func(a []driver.Value) (driver.Value, error) {
			_, err := decodeJSON(fmt.Sprint(a[0]))
			return a[0], err
		}),
		"pg_json_array": func(a []driver.Value) (driver.Value, error) {
			return jsonArray(", ", a)
		},
		"pg_json_object": func(a []driver.Value) (driver.Value, error) { return jsonObject(a, " : ", ", ") },
		"pg_json_row":    func(a []driver.Value) (driver.Value, error) { return jsonObject(a, ":", ",") },
		"pg_json_get":    strict(jsonGet),
		"pg_json_length": strict(func(a []driver.Value) (driver.Value, error) {
			v, err := decodeJSON(fmt.Sprint(a[0]))
			list, ok := v.([]any)
			if err == nil && !ok {
				err = coded(fail(codeInvalidParameter, -1, "cannot get array length of a non-array"))
			}
			return int64(len(list)), err
		}),
		"pg_json_elements": strict(jsonElements),
	}
}

// quoteJSON is a text as a JSON string.
func quoteJSON(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // it cannot fail for a string
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// toJSON makes JSON of a value that is no number; the first argument says what it is.
func toJSON(a []driver.Value) (driver.Value, error) {
	switch fmt.Sprint(a[0]) {
	case "b":
		return map[bool]string{true: "true", false: "false"}[asInt(a[1]) != 0], nil
	case "z":
		return `"` + time.UnixMicro(asInt(a[1])).UTC().Format("2006-01-02T15:04:05.999999-07:00") + `"`, nil
	case "t":
		return `"` + time.UnixMicro(asInt(a[1])).UTC().Format("2006-01-02T15:04:05.999999") + `"`, nil
	case "a":
		return arrayJSON([]driver.Value{a[1], int64(0)})
	case "n":
		return arrayJSON([]driver.Value{a[1], int64(1)})
	}
	return quoteJSON(fmt.Sprint(a[1])), nil
}

func decodeJSON(text string) (v any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err = decoder.Decode(&v); err != nil || decoder.More() {
		return nil, coded(fail(codeInvalidText, -1, "invalid input syntax for type json: %q", text))
	}
	return v, nil
}

// jsonb writes JSON as jsonb does: a key once, shorter ones first.
func jsonb(text string) (string, error) {
	v, err := decodeJSON(text)
	var b strings.Builder
	writeJSONB(&b, v)
	return b.String(), err
}

func writeJSONB(b *strings.Builder, v any) {
	switch v := v.(type) {
	case []any:
		b.WriteString("[")
		for i, item := range v {
			b.WriteString(map[bool]string{true: ", ", false: ""}[i > 0])
			writeJSONB(b, item)
		}
		b.WriteString("]")
	case map[string]any:
		keys := slices.SortedFunc(maps.Keys(v), func(x, y string) int { return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)) })
		b.WriteString("{")
		for i, key := range keys {
			b.WriteString(map[bool]string{true: ", ", false: ""}[i > 0] + quoteJSON(key) + ": ")
			writeJSONB(b, v[key])
		}
		b.WriteString("}")
	case string:
		b.WriteString(quoteJSON(v))
	case nil:
		b.WriteString("null")
	default:
		fmt.Fprint(b, v)
	}
}

// jsonObject makes an object of keys and values, which are JSON.
func jsonObject(a []driver.Value, colon, comma string) (driver.Value, error) {
	var parts []driver.Value
	for i := 0; i < len(a); i += 2 {
		key, err := jsonKey(a[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, key+colon+fmt.Sprint(a[i+1]))
	}
	text, err := concat(comma, parts)
	return fmt.Sprintf("{%v}", text), err
}

// jsonKey is a value's JSON as the key of an object.
func jsonKey(v driver.Value) (string, error) {
	switch key := fmt.Sprint(v); {
	case key == "null":
		return "", coded(fail(codeInvalidParameter, -1, "the key of a JSON object must not be null"))
	case strings.HasPrefix(key, `"`):
		return key, nil
	default:
		return quoteJSON(key), nil
	}
}

// jsonGet is an element of an array or a member of an object; the last argument asks for
// text instead of JSON.
func jsonGet(a []driver.Value) (driver.Value, error) {
	var found json.RawMessage
	if n, ok := a[1].(int64); ok {
		var list []json.RawMessage
		if json.Unmarshal([]byte(fmt.Sprint(a[0])), &list) == nil {
			if n < 0 {
				n += int64(len(list))
			}
			if n >= 0 && n < int64(len(list)) {
				found = list[n]
			}
		}
	} else {
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(fmt.Sprint(a[0])), &object) == nil {
			found = object[fmt.Sprint(a[1])]
		}
	}
	return rawJSON(found, asInt(a[2]) != 0), nil
}

// rawJSON is a JSON value, or its text.
func rawJSON(v json.RawMessage, asText bool) driver.Value {
	var text string
	switch {
	case v == nil, asText && string(v) == "null":
		return nil
	case asText && json.Unmarshal(v, &text) == nil:
		return text
	}
	return string(v)
}

// jsonElements is json_array_elements, for json_each.
func jsonElements(a []driver.Value) (driver.Value, error) {
	var list []json.RawMessage
	if json.Unmarshal([]byte(fmt.Sprint(a[0])), &list) != nil {
		return nil, coded(fail(codeInvalidParameter, -1, "cannot extract elements from what is no array"))
	}
	var parts []driver.Value
	for _, item := range list {
		part := driver.Value("null")
		if v := rawJSON(item, asInt(a[1]) != 0); v != nil {
			part = quoteJSON(fmt.Sprint(v))
		}
		parts = append(parts, part)
	}
	return jsonArray(",", parts)
}

// jsonArray is an array of values that are JSON already.
func jsonArray(separator string, parts []driver.Value) (driver.Value, error) {
	text, err := concat(separator, parts)
	return fmt.Sprintf("[%v]", text), err
}

// jsonAggregate is json_agg, and of pairs json_object_agg.
type jsonAggregate struct {
	noInverse
	parts []driver.Value
	size  int
	pairs bool
}

func (j *jsonAggregate) Step(_ *sqlite.FunctionContext, a []driver.Value) error {
	part := fmt.Sprint(a[0])
	if j.pairs = len(a) == 2; j.pairs {
		key, err := jsonKey(a[0])
		if err != nil {
			return err
		}
		part = key + " : " + fmt.Sprint(a[1])
	}
	j.parts = append(j.parts, part)
	if j.size += len(part); j.size > maxValue {
		return errTooLong
	}
	return nil
}

func (j *jsonAggregate) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	if len(j.parts) == 0 {
		return nil, nil
	}
	if !j.pairs {
		return jsonArray(", ", j.parts)
	}
	text, err := concat(", ", j.parts)
	return fmt.Sprintf("{ %v }", text), err
}
