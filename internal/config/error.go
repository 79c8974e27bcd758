package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a file. Load and LoadUsers join all they find:
// errors.As gives the first, Unwrap() []error all of them.
type Error struct {
	File string // as it was given
	Line int    // from 1
	Key  string // such as pool.size or nodes[1].port; "" when it is not about a key
	Msg  string // complete, names the key
}

// Error gives file:line: message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// report collects the mistakes of one file, and where its keys are.
type report struct {
	file  string
	lines map[string]int // key -> line, of the keys that are in the file
	errs  []*Error
}

// failf records a mistake in the value of key at the line of that key.
func (r *report) failf(key, format string, args ...any) {
	r.failAt(r.line(key), key, format, args...)
}

func (r *report) failAt(line int, key, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if key != "" {
		msg = key + ": " + msg
	}
	r.add(line, key, msg)
}

func (r *report) add(line int, key, msg string) {
	r.errs = append(r.errs, &Error{File: r.file, Line: line, Key: key, Msg: msg})
}

func (r *report) has(key string) bool {
	_, ok := r.lines[key]
	return ok
}

// failed reports whether there is a mistake in the value of key, or of what
// should hold it, already.
func (r *report) failed(key string) bool {
	wrong := func(e *Error) bool { return e.Key == key }
	for !slices.ContainsFunc(r.errs, wrong) {
		if key == "" {
			return false
		}
		key = parent(key)
	}
	return true
}

// line is where key is set; for a missing key, where what should hold it is.
func (r *report) line(key string) int {
	for ; key != ""; key = parent(key) {
		if line, ok := r.lines[key]; ok {
			return line
		}
	}
	return 1
}

// parent cuts the last .name or [index] from key.
func parent(key string) string {
	return key[:max(strings.LastIndexAny(key, ".["), 0)]
}

// err joins the mistakes in the order of their lines; nil when there are none.
func (r *report) err() error {
	slices.SortStableFunc(r.errs, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	errs := make([]error, len(r.errs))
	for i, e := range r.errs {
		errs[i] = e
	}
	return errors.Join(errs...)
}
