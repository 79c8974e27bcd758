package server

import (
	"encoding/hex"
	"sync/atomic"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// secretKind is the form of a user's secret.
type secretKind int

const (
	scramSecret secretKind = iota
	md5Secret
	plainSecret
)

// secret is what a user's proof is checked against, and what has been learned
// by that. It is safe for concurrent use.
type secret struct {
	kind     secretKind
	text     string                        // as it was given
	verifier atomic.Pointer[wire.Verifier] // of scramSecret; of plainSecret after verify
	key      atomic.Pointer[[]byte]        // of scramSecret: the client's, once it has shown it
}

// newSecret reads users_file's and pg_authid's forms. nil is a secret that lets
// nobody in.
func newSecret(text string) *secret {
	s := &secret{text: text, kind: plainSecret}
	v, err := wire.ParseVerifier(text)
	switch {
	case text == "":
		return nil
	case wire.IsMD5Secret(text):
		s.kind = md5Secret
	case err == nil:
		s.kind = scramSecret
		s.verifier.Store(v)
	}
	return s
}

// IsPassword reports whether a secret is the password itself, not a hash of it.
func IsPassword(s config.Secret) bool {
	known := newSecret(s.Reveal())
	return known == nil || known.kind == plainSecret
}

// mockSecret is what an unknown user is tried against. Nothing satisfies it, and
// it is the same whenever the name is.
func mockSecret(kind secretKind, user string, seed []byte) *secret {
	v := wire.MockVerifier(user, seed)
	s := &secret{kind: kind, text: hex.EncodeToString(v.ServerKey)}
	if kind == md5Secret {
		s.text = wire.MD5Secret(user, s.text)
	}
	s.verifier.Store(v)
	return s
}

// learn keeps the key that a client has proved itself with.
func (s *secret) learn(key []byte) {
	if s.kind == scramSecret && s.key.Load() == nil {
		s.key.Store(&key)
	}
}

// keys open a node whose verifier is the same as s.
func (s *secret) keys(salt []byte, iterations int) (k wire.ClientKeys, ok bool) {
	key, v := s.key.Load(), s.verifier.Load()
	if s.kind != scramSecret || key == nil || v.Iterations != iterations || string(v.Salt) != string(salt) {
		return k, false
	}
	return wire.ClientKeys{ClientKey: *key, ServerKey: v.ServerKey}, true
}

// derive gives s a verifier. It runs PBKDF2 for a password in clear.
func (s *secret) derive() error {
	if s.kind != plainSecret || s.verifier.Load() != nil {
		return nil
	}
	v, err := wire.NewVerifier(s.text)
	if err == nil {
		s.verifier.CompareAndSwap(nil, v)
	}
	return err
}

// check reports whether a password in clear is the one of s. It runs PBKDF2 for
// a verifier.
func (s *secret) check(user, password string) bool {
	switch s.kind {
	case plainSecret:
		return wire.Same(password, s.text)
	case md5Secret:
		return wire.Same(wire.MD5Secret(user, password), s.text)
	}
	key, ok := s.verifier.Load().Check(password)
	if ok {
		s.learn(key)
	}
	return ok
}
