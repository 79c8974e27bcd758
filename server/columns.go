package server

import (
	"encoding/binary"

	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// Drivers keep what they have been told of a named statement's columns, and rely on
// PostgreSQL's "cached plan must not change result type". A server that has prepared
// the statement only after its table has changed doesn't know what the client was told.
// It does compare the number of result formats in Bind with that of the columns, if
// there are several: so Bind has one for each column that the client knows of.

// learnColumns keeps how many columns the client is told that a shared statement has.
func (u *turn) learnColumns(frame []byte) {
	name := u.replies.first().uses
	p, ok := u.session.prepared[name]
	if !ok || len(frame) < wire.HeaderLen+2 {
		return
	}
	if n := int(binary.BigEndian.Uint16(frame[wire.HeaderLen:])); n != p.columns && fixedColumns(p.facts) {
		p.columns = n
		u.session.prepared[name] = p
	}
}

// fixedColumns reports whether PostgreSQL insists on a statement's columns: of
// FETCH, CALL and their like it does not.
func fixedColumns(f *sqlparse.Facts) bool {
	switch f.Kind {
	case sqlparse.Select, sqlparse.Insert, sqlparse.Update, sqlparse.Delete, sqlparse.Merge:
		return true
	}
	return false
}

// appendFormats appends a Bind's body behind the names, with a result format for
// each of the columns instead of one, or none, for all of them.
func appendFormats(b, body []byte, columns int) []byte {
	at := resultFormats(body)
	if columns < 2 || at < 0 || at+2 > len(body) {
		return append(b, body...)
	}
	given, formats := int(binary.BigEndian.Uint16(body[at:])), body[at+2:]
	if given > 1 || len(formats) != 2*given {
		return append(b, body...)
	}
	format := uint16(0)
	if given == 1 {
		format = binary.BigEndian.Uint16(formats)
	}
	b = binary.BigEndian.AppendUint16(append(b, body[:at]...), uint16(columns))
	for range columns {
		b = binary.BigEndian.AppendUint16(b, format)
	}
	return b
}

// resultFormats is where in a Bind's body, behind the names, the number of result
// formats stands (protocol, "Bind"); negative in one that is malformed.
func resultFormats(body []byte) int {
	at, values := 0, 0
	if n, ok := count(body, 0); !ok {
		return -1
	} else if at = 2 + 2*n; at > len(body) {
		return -1
	}
	n, ok := count(body, at)
	if !ok {
		return -1
	}
	for at += 2; values < n; values++ {
		if at+4 > len(body) {
			return -1
		}
		if size := int(int32(binary.BigEndian.Uint32(body[at:]))); size > 0 {
			at += size
		}
		at += 4
	}
	return at
}

// count reads a number of 16 bits.
func count(b []byte, at int) (int, bool) {
	if at < 0 || at+2 > len(b) {
		return 0, false
	}
	return int(binary.BigEndian.Uint16(b[at:])), true
}
