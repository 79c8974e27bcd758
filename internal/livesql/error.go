package livesql

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pganalyze/pg_query_go/v5/parser"
)

// Error is a query's mistake, as PostgreSQL would report it.
type Error struct {
	Code, Message, Hint string // Code is the SQLSTATE
	Position            int    // in characters from 1; 0 = none

	at int32 // byte offset in the text; -1 = none
}

func (e *Error) Error() string { return e.Message }

// SQLSTATE codes (PostgreSQL, appendix A).
const (
	codeUnsupported       = "0A000"
	codeInvalidText       = "22P02"
	codeInvalidBinary     = "22P03"
	codeRowCount          = "2201W"
	codeSubstring         = "22011"
	codeDatetimeField     = "22008"
	codeInvalidDatetime   = "22007"
	codeCardinality       = "21000"
	codeDivisionByZero    = "22012"
	codeOutOfRange        = "22003"
	codeInvalidParameter  = "22023"
	codeInvalidRegexp     = "2201B"
	codeSyntax            = "42601"
	codeAmbiguousColumn   = "42702"
	codeUndefinedColumn   = "42703"
	codeDatatypeMismatch  = "42804"
	codeUndefinedFunction = "42883"
	codeUndefinedTable    = "42P01"
	codeUndefinedParam    = "42P02"
	codeInvalidReference  = "42P10"
	codeGrouping          = "42803"
	codeCannotCoerce      = "42846"
	codeWrongObject       = "42809"
	codeWindowing         = "42P20"
	codeUndefinedObject   = "42704"
	codeDuplicateAlias    = "42712"
	codeOutOfMemory       = "53200"
	codeTooLarge          = "54000"
	codeTooComplex        = "54001"
)

func fail(code string, at int32, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), at: at}
}

func unsupported(at int32, what string) *Error {
	e := fail(codeUnsupported, at, "%s cannot be used in the console", what)
	e.Hint = "plain SELECTs over its views can, with joins, filters, aggregates and subqueries"
	return e
}

// located turns the byte offset into a position in the text.
func located(sql string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if ok && e.at >= 0 && int(e.at) <= len(sql) && e.Position == 0 {
		e.Position = utf8.RuneCountInString(sql[:e.at]) + 1
	}
	return err
}

// syntaxError is what the grammar found.
func syntaxError(err error) error {
	e := fail(codeSyntax, -1, "%s", err.Error())
	if p, ok := errors.AsType[*parser.Error](err); ok {
		e.Message, e.Position = p.Message, p.Cursorpos
	}
	return e
}

// plainError undoes coded.
func plainError(err error) error {
	if err == nil {
		return nil
	}
	code, message, _ := strings.Cut(err.Error(), ": ")
	return fail(code, -1, "%s", message)
}
