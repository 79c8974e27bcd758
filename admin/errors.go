package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgproto3/v2"

	"github.com/pgherd/pgherd/internal/livesql"
)

// SQLSTATE codes the console gives by itself (PostgreSQL, appendix A).
const (
	codeProtocolViolation = "08P01"
	codeNotSupported      = "0A000"
	codeInvalidParameter  = "22023"
	codeUnknownStatement  = "26000"
	codeUnknownPortal     = "34000"
	codeInsufficient      = "42501"
	codeSyntax            = "42601"
	codeUndefinedObject   = "42704"
	codeUndefinedDatabase = "3D000"
	codeDuplicatePortal   = "42P03"
	codeDuplicateStmt     = "42P05"
	codeTooMany           = "54000"
	codeCannotChange      = "55P02"
	codeNotNow            = "55000"
	codeCanceled          = "57014"
	codeShutdown          = "57P01"
	codeConfigFile        = "F0000"
	codeSystem            = "58000" // an engine's failure that names no code
)

var (
	errClientGone    = errors.New("client closed the connection")
	errCancelRequest = errors.New("canceling statement due to user request")
	errShutdown      = errors.New("terminating connection due to administrator command")
)

// sqlError is an error as the client sees it.
type sqlError struct {
	code, message, detail, hint string
	position                    int // in characters from 1; 0 = none
}

func (e *sqlError) Error() string { return e.message }

func newError(code, format string, args ...any) *sqlError {
	return &sqlError{code: code, message: fmt.Sprintf(format, args...)}
}

func (e *sqlError) withHint(format string, args ...any) *sqlError {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// violation is an error after which the message stream cannot be trusted.
func violation(format string, args ...any) *sqlError {
	return newError(codeProtocolViolation, format, args...)
}

// asSQLError finds code and hint in what an engine returned.
func asSQLError(err error) *sqlError {
	if own, ok := errors.AsType[*sqlError](err); ok {
		return own
	}
	if q, ok := errors.AsType[*livesql.Error](err); ok {
		return &sqlError{code: q.Code, message: q.Message, hint: q.Hint, position: q.Position}
	}
	e := newError(codeSystem, "%s", err.Error())
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) && len(coded.SQLState()) == 5 {
		e.code = coded.SQLState()
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		e.hint = hinted.Hint()
	}
	return e
}

// canceled tells a command that was ended from outside from one that failed.
func canceled(ctx context.Context, err error) error {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, errCancelRequest) || !errors.Is(context.Cause(ctx), errCancelRequest) {
		return err
	}
	e := newError(codeCanceled, "%s", errCancelRequest)
	if err != errCancelRequest {
		e.detail, e.hint = err.Error(), asSQLError(err).hint
	}
	return e
}

// response is the wire form. Text is made safe for a message whose fields end
// with a zero byte.
func (e *sqlError) response(severity string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{
		Severity:            severity,
		SeverityUnlocalized: severity,
		Code:                e.code,
		Message:             clean(e.message),
		Detail:              clean(e.detail),
		Hint:                clean(e.hint),
		Position:            int32(e.position),
	}
}

// clean makes text valid in a message field: UTF-8 without zero bytes.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}
