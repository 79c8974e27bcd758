package wire

import (
	"bytes"
	"encoding/binary"
)

// HeaderLen is the length of a frame's type and length field.
const HeaderLen = 5

// MaxFrame is the largest length field that is believed (PostgreSQL's
// MaxAllocSize and a little for its framing).
const MaxFrame = 1 << 30

// Types of frames that a client sends ("Message Formats", frontend).
const (
	Bind         = 'B'
	Close        = 'C'
	CopyData     = 'd' // both directions
	CopyDone     = 'c'
	CopyFail     = 'f'
	Describe     = 'D'
	Execute      = 'E'
	Flush        = 'H'
	FunctionCall = 'F'
	Parse        = 'P'
	Password     = 'p' // also SASL responses
	Query        = 'Q'
	Sync         = 'S'
	Terminate    = 'X'
)

// Types of frames that a server sends ("Message Formats", backend).
const (
	Authentication       = 'R'
	BackendKeyData       = 'K'
	BindComplete         = '2'
	CloseComplete        = '3'
	CommandComplete      = 'C'
	CopyInResponse       = 'G'
	CopyOutResponse      = 'H'
	CopyBothResponse     = 'W'
	DataRow              = 'D'
	EmptyQueryResponse   = 'I'
	ErrorResponse        = 'E'
	FunctionCallResponse = 'V'
	NegotiateVersion     = 'v'
	NoData               = 'n'
	NoticeResponse       = 'N'
	NotificationResponse = 'A'
	ParameterDescription = 't'
	ParameterStatus      = 'S'
	ParseComplete        = '1'
	PortalSuspended      = 's'
	ReadyForQuery        = 'Z'
	RowDescription       = 'T'
)

// Peek reads the header at the start of b. size counts the whole frame; it is
// 0 while b is too short to tell, and -1 when the length is impossible.
func Peek(b []byte) (typ byte, size int) {
	if len(b) < HeaderLen {
		return 0, 0
	}
	n := binary.BigEndian.Uint32(b[1:])
	if n < 4 || n > MaxFrame {
		return b[0], -1
	}
	return b[0], int(n) + 1
}

// CString cuts a NUL-terminated string from b. ok is false when there is none.
func CString(b []byte) (s, rest []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return nil, b, false
	}
	return b[:i], b[i+1:], true
}

// Begin appends the header of a frame; End, given its offset, fills in the length.
func Begin(b []byte, typ byte) ([]byte, int) {
	at := len(b)
	return append(b, typ, 0, 0, 0, 0), at
}

// End completes the frame that Begin started at offset at.
func End(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at+1:], uint32(len(b)-at-1))
	return b
}

// AppendString appends s with its terminating NUL.
func AppendString[S string | []byte](b []byte, s S) []byte {
	return append(append(b, s...), 0)
}

// AppendFrame appends a whole frame.
func AppendFrame[S string | []byte](b []byte, typ byte, body S) []byte {
	b, at := Begin(b, typ)
	return End(append(b, body...), at)
}

// AppendCommandComplete appends the tag of a command.
func AppendCommandComplete(b []byte, tag string) []byte {
	b, at := Begin(b, CommandComplete)
	return End(AppendString(b, tag), at)
}

// AppendQuery appends a simple Query.
func AppendQuery(b []byte, sql string) []byte {
	b, at := Begin(b, Query)
	return End(AppendString(b, sql), at)
}

// AppendReady appends ReadyForQuery with a transaction status.
func AppendReady(b []byte, status TxStatus) []byte {
	return append(b, ReadyForQuery, 0, 0, 0, 5, byte(status))
}

// AppendParameterStatus appends one ParameterStatus.
func AppendParameterStatus(b []byte, name, value string) []byte {
	b, at := Begin(b, ParameterStatus)
	return End(AppendString(AppendString(b, name), value), at)
}

// AppendKeyData appends BackendKeyData; secret is 4 bytes in protocol 3.0.
func AppendKeyData(b []byte, pid uint32, secret []byte) []byte {
	b, at := Begin(b, BackendKeyData)
	b = binary.BigEndian.AppendUint32(b, pid)
	return End(append(b, secret...), at)
}

// TxStatus is the transaction status of ReadyForQuery.
type TxStatus byte

const (
	TxIdle   TxStatus = 'I'
	TxActive TxStatus = 'T'
	TxFailed TxStatus = 'E'
)

// ParseReady reads the status of a whole ReadyForQuery frame.
func ParseReady(frame []byte) (TxStatus, error) {
	if len(frame) != 6 {
		return 0, Violation("ReadyForQuery of %d bytes", len(frame))
	}
	switch s := TxStatus(frame[5]); s {
	case TxIdle, TxActive, TxFailed:
		return s, nil
	default:
		return 0, Violation("transaction status %q", frame[5])
	}
}
