package server

import (
	"crypto/rand"
	"strings"
	"sync"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// Users are the secrets of users_file. It is safe for concurrent use.
type Users struct {
	secrets map[string]config.Secret
	seed    []byte // of the mock verifiers

	mu        sync.Mutex // guards verifiers
	verifiers map[string]*wire.Verifier
}

// NewUsers takes what config.LoadUsers has read.
func NewUsers(secrets map[string]config.Secret) *Users {
	u := &Users{secrets: secrets, seed: make([]byte, 32), verifiers: map[string]*wire.Verifier{}}
	_, _ = rand.Read(u.seed) // never fails
	return u
}

// ServerSecret is what logs user in to the nodes: a password in clear or an md5
// secret. A SCRAM verifier is no use for that.
func (u *Users) ServerSecret(user string) (string, bool) {
	secret, ok := u.secrets[user]
	if !ok || strings.HasPrefix(secret.Reveal(), wire.ScramSHA256+"$") {
		return "", false
	}
	return secret.Reveal(), true
}

// known is the verifier if it was asked for before.
func (u *Users) known(user string) *wire.Verifier {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.verifiers[user]
}

// verifier is what user's SCRAM login is checked against. The first time it
// takes milliseconds of CPU. An unknown user, and one whose secret can't be used
// for SCRAM, gets a mock that nothing satisfies.
func (u *Users) verifier(user string) *wire.Verifier {
	secret, ok := u.secrets[user]
	text := secret.Reveal()
	if !ok || strings.HasPrefix(text, "md5") && len(text) == 35 {
		return wire.MockVerifier(user, u.seed)
	}
	v, err := wire.ParseVerifier(text)
	if err != nil {
		v, err = wire.NewVerifier(text)
	}
	if err != nil {
		return wire.MockVerifier(user, u.seed)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.verifiers[user] = v
	return v
}
