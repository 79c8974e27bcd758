package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Severity of an error that a client sees.
const (
	SeverityError = "ERROR"
	SeverityFatal = "FATAL"
)

// Error is an ErrorResponse: what went wrong, with its SQLSTATE.
type Error struct {
	Severity string
	Code     string // SQLSTATE
	Message  string
	Detail   string
	Hint     string
	Position int    // 1-based character in the query, 0 for none
	Routine  string // of the server's source
}

func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Message + ": " + e.Detail + " (SQLSTATE " + e.Code + ")"
	}
	return e.Message + " (SQLSTATE " + e.Code + ")"
}

// SQLState is the five-character code.
func (e *Error) SQLState() string { return e.Code }

// Errorf makes an ERROR.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityError, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Fatalf makes a FATAL: the connection ends with it.
func Fatalf(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityFatal, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Violation is what a peer gets that breaks the protocol.
func Violation(format string, args ...any) *Error {
	return Fatalf("08P01", "protocol violation: "+format, args...)
}

// WithHint returns a copy of e that says what to do.
func (e *Error) WithHint(hint string) *Error {
	c := *e
	c.Hint = hint
	return &c
}

// AppendNotice appends n as NoticeResponse; its severity is NOTICE or WARNING.
func AppendNotice(b []byte, n *Error) []byte {
	b, at := Begin(b, NoticeResponse)
	return End(appendFields(b, n), at)
}

// AppendError appends e as ErrorResponse.
func AppendError(b []byte, e *Error) []byte {
	b, at := Begin(b, ErrorResponse)
	return End(appendFields(b, e), at)
}

func appendFields(b []byte, e *Error) []byte {
	position := ""
	if e.Position > 0 {
		position = strconv.Itoa(e.Position)
	}
	for _, f := range [...]struct {
		code  byte
		value string
	}{{'S', e.Severity}, {'V', e.Severity}, {'C', e.Code}, {'M', e.Message},
		{'D', e.Detail}, {'H', e.Hint}, {'P', position}, {'R', e.Routine}} {
		if f.value != "" {
			b = AppendString(append(b, f.code), strings.ReplaceAll(f.value, "\x00", ""))
		}
	}
	return append(b, 0)
}

// ParseError reads the body of an ErrorResponse. Every field is optional, for
// a server may leave out what it likes; a missing SQLSTATE becomes XX000.
func ParseError(body []byte) *Error {
	e := &Error{Severity: SeverityError, Code: "XX000"}
	for len(body) > 1 && body[0] != 0 {
		value, rest, ok := CString(body[1:])
		if !ok {
			break
		}
		e.set(body[0], string(value))
		body = rest
	}
	return e
}

func (e *Error) set(field byte, value string) {
	switch field {
	case 'V', 'S':
		if field == 'V' || e.Severity == SeverityError {
			e.Severity = value
		}
	case 'C':
		e.Code = value
	case 'M':
		e.Message = value
	case 'D':
		e.Detail = value
	case 'H':
		e.Hint = value
	case 'R':
		e.Routine = value
	case 'P':
		e.Position, _ = strconv.Atoi(value)
	}
}
