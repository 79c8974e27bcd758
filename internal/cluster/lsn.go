package cluster

import (
	"fmt"
	"strconv"
	"strings"
)

// LSN is a byte position in the write-ahead log.
type LSN uint64

// MaxLSN is behind every position.
const MaxLSN = LSN(1<<64 - 1)

// ParseLSN reads PostgreSQL's form: two hexadecimal halves with a slash.
func ParseLSN(s string) (LSN, error) {
	high, low, ok := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is not a log position (expected a form such as 0/3000060)", s)
	}
	return LSN(h<<32 | l), nil
}

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// Sub is the distance l - other in bytes, 0 when other is ahead.
func (l LSN) Sub(other LSN) uint64 {
	if l < other {
		return 0
	}
	return uint64(l - other)
}

// Timeline is PostgreSQL's timeline id.
type Timeline uint32

// Epoch counts the decisions about who is primary. It never decreases.
type Epoch uint64

// Token is the position that a session must not read behind, valid in one
// epoch. The zero Token is satisfied by every node.
type Token struct {
	Epoch Epoch
	LSN   LSN
}
