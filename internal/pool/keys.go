package pool

import (
	"sync"

	"github.com/pgherd/pgherd/internal/wire"
)

// loginFailed is a failure that says nothing about the state of the node.
func loginFailed(format string, args ...any) *wire.Error {
	return wire.Fatalf("28P01", format, args...)
}

// private reports whether nobody can listen on l.
func private(l *link) bool { return l.tls != nil || l.socket.RemoteAddr().Network() == "unix" }

// deriver finds the SCRAM keys for what the node asks.
type deriver = func(salt []byte, iterations int) (wire.ClientKeys, error)

// scramKeys come from the password when there is one, and else from what the
// user's own login has shown.
func (h *handshake) scramKeys(secret string, ok bool) deriver {
	return func(salt []byte, n int) (wire.ClientKeys, error) {
		if ok && !wire.IsMD5Secret(secret) {
			return h.derived.keys(secret, salt, n)
		}
		if keys, ok := h.secrets.ServerKeys(h.key.User, salt, n); ok {
			return keys, nil
		}
		return wire.ClientKeys{}, loginFailed("the node asks for SCRAM, and pgherd has neither a password nor a key for user %q that fits the node's secret", h.key.User).
			WithHint("With a SCRAM secret in auth.users_file, it must be the node's own (pg_authid.rolpassword), and the user must have logged in by SCRAM since pgherd was started.")
	}
}

// keyCache keeps derived SCRAM keys, for PBKDF2 costs milliseconds and every
// login of one user to one node needs the same.
type keyCache struct {
	mu     sync.Mutex // guards keysOf
	keysOf map[keySource]wire.ClientKeys
}

type keySource struct {
	secret, salt string
	iterations   int
}

const maxKeys = 10000

func (c *keyCache) keys(secret string, salt []byte, iterations int) (wire.ClientKeys, error) {
	source := keySource{secret, string(salt), iterations}
	c.mu.Lock()
	k, ok := c.keysOf[source]
	c.mu.Unlock()
	if ok {
		return k, nil
	}
	k, err := wire.DeriveKeys(secret, salt, iterations)
	if err != nil {
		return k, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keysOf == nil || len(c.keysOf) >= maxKeys {
		c.keysOf = map[keySource]wire.ClientKeys{}
	}
	c.keysOf[source] = k
	return k, nil
}
