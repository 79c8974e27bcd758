package server

import (
	"context"
	"crypto/rand"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// Users are the secrets of users_file, and of those whom Lookup knows. It is
// safe for concurrent use.
type Users struct {
	seed []byte // of the mock secrets
	file atomic.Pointer[userList]
	asks *lookups      // nil without auth.query_user
	busy chan struct{} // taken while PBKDF2 runs
}

type userList struct {
	secrets map[string]*secret // nil for one that lets nobody in
	usual   secretKind         // what an unknown user is taken to have
}

// NewUsers takes what config.LoadUsers has read.
func NewUsers(secrets map[string]config.Secret) *Users {
	u := &Users{seed: make([]byte, 32), busy: make(chan struct{}, max(1, runtime.NumCPU()/2))}
	_, _ = rand.Read(u.seed) // never fails
	u.file.Store(&userList{})
	u.Replace(secrets)
	return u
}

// Replace puts new secrets in the place of all of users_file. What was learned
// of those that stay the same is kept.
func (u *Users) Replace(secrets map[string]config.Secret) {
	before := u.file.Load().secrets
	list := &userList{secrets: make(map[string]*secret, len(secrets))}
	var count [plainSecret + 1]int
	for name, given := range secrets {
		s := before[name]
		if s == nil || s.text != given.Reveal() {
			s = newSecret(given.Reveal())
		}
		list.secrets[name] = s
		if s != nil {
			count[s.kind]++
		}
	}
	for kind := range count {
		if count[kind] > count[list.usual] {
			list.usual = secretKind(kind)
		}
	}
	u.file.Store(list)
}

// Ask has users that users_file does not have looked up elsewhere. It must be
// called before the first client comes.
func (u *Users) Ask(l Lookup, ttl time.Duration) { u.asks = newLookups(l, ttl) }

// find is what is known without asking. known is false when one has to ask.
func (u *Users) find(user string) (s *secret, known bool) {
	if s, ok := u.file.Load().secrets[user]; ok || u.asks == nil {
		return s, true
	}
	return u.asks.recent(user, time.Now())
}

// ask is find for one who can wait.
func (u *Users) ask(ctx context.Context, user string) (*secret, error) {
	if s, known := u.find(user); known {
		return s, nil
	}
	return u.asks.fetch(ctx, user)
}

// refused makes the next login ask anew: the secret may have been changed.
func (u *Users) refused(user string) {
	if u.asks != nil {
		u.asks.forget(user, time.Now())
	}
}

func (u *Users) mock(user string) *secret { return mockSecret(u.file.Load().usual, user, u.seed) }

// exert runs f, which runs PBKDF2, when a processor is to be had for it.
func (u *Users) exert(f func()) {
	u.busy <- struct{}{}
	defer func() { <-u.busy }()
	f()
}

// forNode is ask for a connection to a node.
func (u *Users) forNode(user string) *secret {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	s, err := u.ask(ctx, user)
	if err != nil {
		return nil // it has been logged
	}
	return s
}

// ServerSecret is what logs user in to the nodes: a password in clear or an md5
// secret.
func (u *Users) ServerSecret(user string) (string, bool) {
	s := u.forNode(user)
	if s == nil || s.kind == scramSecret {
		return "", false
	}
	return s.text, true
}

// ServerKeys are the keys that user's own login has shown, when they fit.
func (u *Users) ServerKeys(user string, salt []byte, iterations int) (k wire.ClientKeys, ok bool) {
	if s := u.forNode(user); s != nil {
		return s.keys(salt, iterations)
	}
	return k, false
}
