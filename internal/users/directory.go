package users

import (
	"context"
	"crypto/rand"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// Directory is the users of users_file, and those whom a Lookup knows, each with a
// secret. It is safe for concurrent use.
type Directory struct {
	seed []byte // of the mock secrets
	file atomic.Pointer[userList]
	asks *lookups      // nil without auth.query_user
	busy chan struct{} // taken while PBKDF2 runs
}

// userList is what users_file says.
type userList struct {
	secrets map[string]*Secret // nil for one that lets nobody in
	usual   Kind               // what an unknown user is taken to have
}

// New takes what config.LoadUsers has read.
func New(secrets map[string]config.Secret) *Directory {
	u := &Directory{seed: make([]byte, 32), busy: make(chan struct{}, max(1, runtime.NumCPU()/2))}
	_, _ = rand.Read(u.seed) // never fails
	u.file.Store(&userList{})
	u.Replace(secrets)
	return u
}

// Replace puts new secrets in the place of all of users_file. What was learned
// of those that stay the same is kept.
func (u *Directory) Replace(secrets map[string]config.Secret) {
	before := u.file.Load().secrets
	list := &userList{secrets: make(map[string]*Secret, len(secrets))}
	var count [Plain + 1]int
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
			list.usual = Kind(kind)
		}
	}
	u.file.Store(list)
}

// LookUp has users whom users_file does not have looked up by l; an answer is believed
// for ttl. It must be called before the first client comes.
func (u *Directory) LookUp(l Lookup, ttl time.Duration) { u.asks = newLookups(l, ttl) }

// Find is what is known without asking: nil is a secret that lets nobody in. known is
// false when one has to Ask.
func (u *Directory) Find(user string) (s *Secret, known bool) {
	if s, ok := u.file.Load().secrets[user]; ok || u.asks == nil {
		return s, true
	}
	return u.asks.recent(user, time.Now())
}

// Ask is Find for one who can wait, for lookupTimeout at most. The error is that of the
// Lookup and says nothing of the user.
func (u *Directory) Ask(user string) (*Secret, error) {
	if s, known := u.Find(user); known {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	return u.asks.fetch(ctx, user)
}

// Refused notes a login that failed: the secret may have been changed, so the next
// login asks anew.
func (u *Directory) Refused(user string, now time.Time) {
	if u.asks != nil {
		u.asks.forget(user, now)
	}
}

// Mock is what an unknown user is tried against. Nothing satisfies it; it is of the kind
// that most users have, and the same whenever the name is.
func (u *Directory) Mock(user string) *Secret { return mockSecret(u.file.Load().usual, user, u.seed) }

// Exert runs f, which runs PBKDF2, when a processor is to be had for it. It blocks.
func (u *Directory) Exert(f func()) {
	u.busy <- struct{}{}
	defer func() { <-u.busy }()
	f()
}

// forNode is Ask for a connection to a node; nil when nothing is known.
func (u *Directory) forNode(user string) *Secret {
	s, err := u.Ask(user)
	if err != nil {
		return nil // it has been logged
	}
	return s
}

// ServerSecret is what logs user in to the nodes: a password in clear or an md5
// secret.
func (u *Directory) ServerSecret(user string) (string, bool) {
	s := u.forNode(user)
	if s == nil || s.kind == SCRAM {
		return "", false
	}
	return s.text, true
}

// ServerKeys are the keys that user's own login has shown, when they fit.
func (u *Directory) ServerKeys(user string, salt []byte, iterations int) (k wire.ClientKeys, ok bool) {
	if s := u.forNode(user); s != nil {
		return s.keys(salt, iterations)
	}
	return k, false
}
