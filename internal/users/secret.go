package users

import (
	"encoding/hex"
	"sync/atomic"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// Kind is the form of a user's secret, as in pg_authid.rolpassword or in clear.
type Kind int

const (
	SCRAM Kind = iota // a verifier
	MD5
	Plain // the password itself
)

// Secret is what a user's proof is checked against, and what has been learned
// by that. It is safe for concurrent use.
type Secret struct {
	kind     Kind
	text     string                        // as it was given
	verifier atomic.Pointer[wire.Verifier] // of SCRAM; of Plain after Derive
	key      atomic.Pointer[[]byte]        // of SCRAM: the client's, once it has shown it
}

// newSecret reads users_file's and pg_authid's forms. nil is a secret that lets
// nobody in.
func newSecret(text string) *Secret {
	s := &Secret{text: text, kind: Plain}
	v, err := wire.ParseVerifier(text)
	switch {
	case text == "":
		return nil
	case wire.IsMD5Secret(text):
		s.kind = MD5
	case err == nil:
		s.kind = SCRAM
		s.verifier.Store(v)
	}
	return s
}

// IsPassword reports whether a secret is the password itself, not a hash of it.
func IsPassword(s config.Secret) bool {
	known := newSecret(s.Reveal())
	return known == nil || known.kind == Plain
}

// mockSecret makes a secret that nothing satisfies. It depends on its arguments only.
func mockSecret(kind Kind, user string, seed []byte) *Secret {
	v := wire.MockVerifier(user, seed)
	s := &Secret{kind: kind, text: hex.EncodeToString(v.ServerKey)}
	if kind == MD5 {
		s.text = wire.MD5Secret(user, s.text)
	}
	s.verifier.Store(v)
	return s
}

// Learn keeps the key that a client has proved itself with.
func (s *Secret) Learn(key []byte) {
	if s.kind == SCRAM && s.key.Load() == nil {
		s.key.Store(&key)
	}
}

// keys open a node whose verifier is the same as s.
func (s *Secret) keys(salt []byte, iterations int) (k wire.ClientKeys, ok bool) {
	key, v := s.key.Load(), s.verifier.Load()
	if s.kind != SCRAM || key == nil || v.Iterations != iterations || string(v.Salt) != string(salt) {
		return k, false
	}
	return wire.ClientKeys{ClientKey: *key, ServerKey: v.ServerKey}, true
}

// Verifier is what a SCRAM exchange is checked against; nil for MD5, and for Plain until
// Derive has made it.
func (s *Secret) Verifier() *wire.Verifier { return s.verifier.Load() }

// Kind is the form that s was given in.
func (s *Secret) Kind() Kind { return s.kind }

// MD5Answer is the answer to an MD5 request with this salt, for one who knows s, which
// is not of kind SCRAM.
func (s *Secret) MD5Answer(user string, salt []byte) string {
	return wire.MD5Password(user, s.text, salt)
}

// Derive gives a password in clear its verifier. It runs PBKDF2. The error says what is
// wrong with the password.
func (s *Secret) Derive() error {
	if s.kind != Plain || s.verifier.Load() != nil {
		return nil
	}
	v, err := wire.NewVerifier(s.text)
	if err == nil {
		s.verifier.CompareAndSwap(nil, v)
	}
	return err
}

// Check reports whether a password in clear is the one of s. It runs PBKDF2 for
// SCRAM.
func (s *Secret) Check(user, password string) bool {
	switch s.kind {
	case Plain:
		return wire.Same(password, s.text)
	case MD5:
		return wire.Same(wire.MD5Secret(user, password), s.text)
	}
	key, ok := s.verifier.Load().Check(password)
	if ok {
		s.Learn(key)
	}
	return ok
}
