package wire

import (
	"encoding/binary"
	"strings"
)

// Limits of what is believed before a client has authenticated.
const (
	MaxStartup  = 10000 // PostgreSQL's MAX_STARTUP_PACKET_LENGTH
	MaxPassword = 65535
)

// Protocol versions and request codes in the place of a version.
const (
	Version30     = 3 << 16
	Version32     = 3<<16 | 2
	CancelRequest = 80877102
	SSLRequest    = 80877103
	GSSENCRequest = 80877104
)

// Startup is a packet without a type byte: a StartupMessage or a request that
// stands in its place.
type Startup struct {
	Code    uint32            // a protocol version or one of the request codes
	Params  map[string]string // of a StartupMessage
	Unknown []string          // its options of the form _pq_.*, none of which we know
	PID     uint32            // of a CancelRequest
	Secret  []byte            // of a CancelRequest
}

// StartupLen reads the length at the start of b, which holds at least 4 bytes.
// It fails for a length that no honest client sends.
func StartupLen(b []byte) (int, error) {
	n := binary.BigEndian.Uint32(b)
	if n < 8 || n > MaxStartup {
		return 0, Violation("start-up packet of %d bytes", n)
	}
	return int(n), nil
}

// ParseStartup reads a whole packet, its length included.
func ParseStartup(b []byte) (Startup, error) {
	if len(b) < 8 {
		return Startup{}, Violation("start-up packet of %d bytes", len(b))
	}
	s := Startup{Code: binary.BigEndian.Uint32(b[4:])}
	body := b[8:]
	switch s.Code {
	case SSLRequest, GSSENCRequest:
		if len(body) != 0 {
			return s, Violation("encryption request with a body")
		}
		return s, nil
	case CancelRequest:
		return s.withKey(body)
	}
	if s.Code>>16 != 3 {
		return s, Fatalf("0A000", "unsupported frontend protocol %d.%d: server supports 3.0 to 3.2", s.Code>>16, s.Code&0xffff)
	}
	return s.withParams(body)
}

func (s Startup) withKey(body []byte) (Startup, error) {
	if len(body) < 8 || len(body) > 4+256 {
		return s, Violation("cancel request of %d bytes", len(body))
	}
	s.PID, s.Secret = binary.BigEndian.Uint32(body), body[4:]
	return s, nil
}

func (s Startup) withParams(body []byte) (Startup, error) {
	s.Params = map[string]string{}
	for len(body) > 0 && body[0] != 0 {
		name, rest, ok := CString(body)
		value, rest, ok2 := CString(rest)
		if !ok || !ok2 {
			return s, Violation("start-up packet without its terminator")
		}
		if strings.HasPrefix(string(name), "_pq_.") {
			s.Unknown = append(s.Unknown, string(name))
		} else {
			s.Params[string(name)] = string(value)
		}
		body = rest
	}
	if len(body) != 1 {
		return s, Violation("start-up packet without its terminator")
	}
	return s, nil
}

// Negotiate reports the version to speak with the client, and whether it must
// be told so by NegotiateProtocolVersion because it asked for more.
func (s Startup) Negotiate() (version uint32, tell bool) {
	version = min(s.Code, Version32)
	if version == Version30+1 { // 3.1 was never used
		version = Version30
	}
	return version, version != s.Code || len(s.Unknown) > 0
}

// AppendNegotiateVersion appends NegotiateProtocolVersion.
func AppendNegotiateVersion(b []byte, version uint32, unknown []string) []byte {
	b, at := Begin(b, NegotiateVersion)
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(len(unknown)))
	for _, name := range unknown {
		b = AppendString(b, name)
	}
	return End(b, at)
}

// AppendStartup appends a StartupMessage of protocol 3.0. params alternate
// between names and values.
func AppendStartup(b []byte, params ...string) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, Version30)
	for _, p := range params {
		b = AppendString(b, p)
	}
	b = append(b, 0)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

// AppendSSLRequest appends an SSLRequest.
func AppendSSLRequest(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, 8)
	return binary.BigEndian.AppendUint32(b, SSLRequest)
}

// AppendCancel appends a CancelRequest.
func AppendCancel(b []byte, pid uint32, secret []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(12+len(secret)))
	b = binary.BigEndian.AppendUint32(b, CancelRequest)
	b = binary.BigEndian.AppendUint32(b, pid)
	return append(b, secret...)
}
