package hba

import (
	"errors"
	"fmt"
	"strings"
)

// Error is one mistake in a file.
type Error struct {
	File string
	Line int // from 1
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }

// token is one word; one that begins with a quote is no keyword.
type token struct {
	text   string
	quoted bool
}

// is reports whether t is a keyword.
func (t token) is(word string) bool { return !t.quoted && t.text == word }

// field is a list of words that commas join.
type field []token

// line is one entry of a file; a backslash at the end of a line continues it.
type line struct {
	number int
	fields []field
}

// scan splits text into the lines that hold something.
func scan(file, text string) (lines []line, errs []error) {
	raw := strings.Split(text, "\n")
	for i := 0; i < len(raw); i++ {
		number, entry := i+1, strings.TrimSuffix(raw[i], "\r")
		for strings.HasSuffix(entry, `\`) && i+1 < len(raw) {
			i++
			entry = entry[:len(entry)-1] + strings.TrimSuffix(raw[i], "\r")
		}
		fields, err := split(entry)
		switch {
		case err != nil:
			errs = append(errs, &Error{file, number, err.Error()})
		case len(fields) > 0:
			lines = append(lines, line{number, fields})
		}
	}
	return lines, errs
}

// split cuts one entry into its fields.
func split(entry string) ([]field, error) {
	var fields []field
	joined := false // a comma was there: the next word belongs to the last field
	for rest := entry; ; {
		trimmed := strings.TrimLeft(rest, " \t\r,")
		joined = joined || len(fields) > 0 && strings.Contains(rest[:len(rest)-len(trimmed)], ",")
		if trimmed == "" || trimmed[0] == '#' {
			return fields, nil
		}
		t, after, err := word(trimmed)
		if err != nil {
			return nil, err
		}
		if last := len(fields) - 1; joined {
			fields[last] = append(fields[last], t)
		} else {
			fields = append(fields, field{t})
		}
		rest, joined = after, false
	}
}

// word cuts the first word from s. Quotes may begin and end anywhere in it; ""
// inside them stands for one.
func word(s string) (t token, rest string, err error) {
	var b strings.Builder
	inside := false
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' && inside && strings.HasPrefix(s[i+1:], `"`):
			b.WriteByte('"')
			i++
		case c == '"':
			inside = !inside
		case !inside && strings.IndexByte(" \t\r,#", c) >= 0:
			return token{b.String(), s[0] == '"'}, s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if inside {
		return token{}, "", errors.New("the closing quote is missing")
	}
	return token{b.String(), s[0] == '"'}, "", nil
}
