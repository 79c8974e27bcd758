package wire

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// IsMD5Secret reports whether s is pg_authid's md5 form of a password: md5 and
// 32 hexadecimal digits.
func IsMD5Secret(s string) bool {
	digest, ok := strings.CutPrefix(s, "md5")
	_, err := hex.DecodeString(digest)
	return ok && err == nil && len(digest) == 32
}

// MD5Secret is pg_authid's md5 form of a password.
func MD5Secret(user, password string) string { return "md5" + md5hex([]byte(password+user)) }

// Check reports whether password is the one v was made of, together with its
// client's key. It runs PBKDF2.
func (v *Verifier) Check(password string) (clientKey []byte, ok bool) {
	keys, err := DeriveKeys(password, v.Salt, v.Iterations)
	if err != nil {
		return nil, false
	}
	stored := sha256.Sum256(keys.ClientKey)
	return keys.ClientKey, subtle.ConstantTimeCompare(stored[:], v.StoredKey) == 1
}

// Same reports whether two secrets are equal, in a time that does not tell
// where they differ.
func Same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
