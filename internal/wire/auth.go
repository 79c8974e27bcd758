package wire

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
)

// Codes of Authentication messages.
const (
	AuthOK           = 0
	AuthCleartext    = 3
	AuthMD5          = 5
	AuthSASL         = 10
	AuthSASLContinue = 11
	AuthSASLFinal    = 12
)

// AppendAuth appends an Authentication message.
func AppendAuth[S string | []byte](b []byte, code uint32, data S) []byte {
	b, at := Begin(b, Authentication)
	b = binary.BigEndian.AppendUint32(b, code)
	return End(append(b, data...), at)
}

// ParseAuth reads the body of an Authentication message.
func ParseAuth(body []byte) (code uint32, data []byte, err error) {
	if len(body) < 4 {
		return 0, nil, Violation("Authentication message of %d bytes", len(body))
	}
	return binary.BigEndian.Uint32(body), body[4:], nil
}

// AppendSASLInitial appends SASLInitialResponse.
func AppendSASLInitial(b []byte, mechanism string, data []byte) []byte {
	b, at := Begin(b, Password)
	b = AppendString(b, mechanism)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return End(append(b, data...), at)
}

// ParseSASLInitial reads the body of SASLInitialResponse.
func ParseSASLInitial(body []byte) (mechanism string, data []byte, err error) {
	name, rest, ok := CString(body)
	if !ok || len(rest) < 4 {
		return "", nil, Violation("malformed SASLInitialResponse")
	}
	if n := binary.BigEndian.Uint32(rest); uint64(n) != uint64(len(rest)-4) {
		return "", nil, Violation("SASLInitialResponse announces %d bytes and has %d", n, len(rest)-4)
	}
	return string(name), rest[4:], nil
}

// MD5Password is the answer to AuthMD5 for a password in clear, or for one
// that is stored as "md5" and the inner digest.
func MD5Password(user, password string, salt []byte) string {
	inner := password
	if !IsMD5Secret(password) {
		inner = MD5Secret(user, password)
	}
	return "md5" + md5hex(append([]byte(inner[3:]), salt...))
}

func md5hex(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}
