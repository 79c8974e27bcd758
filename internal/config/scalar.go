package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setScalar parses text as v's type. It reports whether that was possible;
// every text is a string or a Secret.
func setScalar(v reflect.Value, text string) bool {
	switch p := v.Addr().Interface().(type) {
	case *Secret:
		*p = NewSecret(text)
		return true
	case *time.Duration:
		return set(p, text, time.ParseDuration)
	case *Size:
		return set(p, text, ParseSize)
	case *string:
		*p = text
		return true
	case *int:
		return set(p, text, strconv.Atoi)
	case *float64:
		return set(p, text, parseFloat)
	case *bool:
		return setBool(p, text)
	case *FileMode:
		return set(p, text, parseFileMode)
	case enum:
		return setEnum(v, p.choices(), text)
	}
	panic("config: no parser for " + v.Type().String())
}

func set[T any](p *T, text string, parse func(string) (T, error)) bool {
	value, err := parse(text)
	if err == nil {
		*p = value
	}
	return err == nil
}

func parseFloat(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

// setBool takes YAML's words and PostgreSQL's.
func setBool(p *bool, text string) bool {
	word := strings.ToLower(text)
	*p = slices.Contains([]string{"true", "on", "yes"}, word)
	return *p || slices.Contains([]string{"false", "off", "no"}, word)
}

func setEnum(v reflect.Value, choices []string, text string) bool {
	i := slices.Index(choices, text)
	if i >= 0 {
		v.SetInt(int64(i))
	}
	return i >= 0
}

// wanted says what a value of v's type looks like.
func wanted(v reflect.Value) string {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		return "a duration with its unit, as 500ms, 30s or 5m"
	case *Size:
		return "a size with its unit, as 512kB or 16MB"
	case *int:
		return "a whole number"
	case *float64:
		return "a number"
	case *bool:
		return "true or false"
	case *FileMode:
		return "octal permissions, as 0770"
	case enum:
		return oneOf(p.choices())
	default:
		return "a single value"
	}
}

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
