package admin

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// defaultTimeout is how long a SELECT may take where nobody has said otherwise.
const defaultTimeout = 30 * time.Second

// timeoutCommands are statement_timeout, which limits the session's SELECTs.
func (s *session) timeoutCommands() table {
	const name = "STATEMENT_TIMEOUT"
	reset := func() { s.timeout = defaultTimeout }
	show := setting("statement_timeout", "", "STATEMENT_TIMEOUT")
	show.parse = nothingMore(func(context.Context, func(string)) ([][]any, error) {
		return [][]any{{guc(s.timeout)}}, nil
	})
	return table{
		show, s.setTimeout("SET", name), s.setTimeout("SET", "SESSION", name),
		accepted("SET SESSION", "SET", nil),
		accepted("RESET STATEMENT_TIMEOUT", "RESET", reset), accepted("RESET ALL", "RESET", reset),
		accepted("DISCARD ALL", "DISCARD ALL", func() { reset(); s.deallocateAll() }),
	}
}

// setTimeout is SET statement_timeout = a number of milliseconds, or '5s'; 0 is none.
func (s *session) setTimeout(words ...string) command {
	return command{
		words:     words,
		privilege: privilegeNone,
		tag:       "SET",
		parse: func(a *args) (runFunc, error) {
			if !a.try("TO") && !a.trySymbol("=") {
				return nil, a.fail()
			}
			limit, err := a.timeout()
			if err != nil {
				return nil, err
			}
			return func(context.Context, func(string)) ([][]any, error) {
				s.timeout = limit
				return nil, nil
			}, a.end()
		},
	}
}

func (a *args) timeout() (time.Duration, error) {
	value := a.peek()
	if value.kind == tokenEnd || value.kind == tokenSymbol {
		a.expected = append(a.expected, "a number of milliseconds")
		return 0, a.fail()
	}
	if a.next(); value.is("DEFAULT") {
		return defaultTimeout, nil
	}
	text := strings.TrimSpace(value.literal())
	unit := strings.TrimLeft(text, "0123456789.")
	n, err := strconv.ParseFloat(text[:len(text)-len(unit)], 64)
	each, known := map[string]time.Duration{"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[strings.TrimSpace(unit)]
	if err != nil || !known || n*float64(each) > math.MaxInt32*float64(time.Millisecond) {
		return 0, value.invalid("invalid value for parameter \"statement_timeout\": %q", text).
			withHint(`a number of milliseconds, or one with a unit: "us", "ms", "s", "min", "h", "d"`)
	}
	return time.Duration(n * float64(each)), nil
}

// guc is a time as SHOW prints it.
func guc(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}} {
		if d >= unit.of && d%unit.of == 0 {
			return strconv.FormatInt(int64(d/unit.of), 10) + unit.name
		}
	}
	if d == 0 {
		return "0"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// timed is run with the session's time for it.
func (s *session) timed(run runFunc) runFunc {
	if s.timeout == 0 {
		return run
	}
	limit := s.timeout
	return func(ctx context.Context, progress func(string)) ([][]any, error) {
		late := newError(codeCanceled, "canceling statement due to statement timeout").
			withHint("it has %s: SET statement_timeout changes that for the session", guc(limit))
		ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
		defer cancel()
		rows, err := run(ctx, progress)
		if err != nil && errors.Is(context.Cause(ctx), late) {
			err = late
		}
		return rows, err
	}
}
