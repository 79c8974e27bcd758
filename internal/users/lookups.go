package users

import (
	"context"
	"sync"
	"time"
)

// Lookup knows the secrets of users that users_file does not have.
type Lookup interface {
	// Secret gives a user's secret in one of pg_authid's forms. found is false for
	// a user who does not exist or has none. An error says nothing of the user.
	Secret(ctx context.Context, user string) (secret string, found bool, err error)
}

const (
	lookupTimeout = 10 * time.Second
	maxAnswers    = 10000       // of users who exist and who do not
	forgetAfter   = time.Second // an answer that young is not asked for again
)

// lookups are the answers of a Lookup, and the questions under way: one for each
// user at a time.
type lookups struct {
	lookup Lookup
	ttl    time.Duration

	mu      sync.Mutex // guards answers
	answers map[string]*answer
}

// answer is what is known of one user.
type answer struct {
	secret *Secret // nil: nobody comes in; set before done is closed, as is err
	err    error
	done   chan struct{} // closed when the answer is there
	at     time.Time     // when it came; guarded by lookups.mu
	stale  bool          // ask anew; guarded by lookups.mu
}

func newLookups(l Lookup, ttl time.Duration) *lookups {
	return &lookups{lookup: l, ttl: ttl, answers: map[string]*answer{}}
}

// recent is an answer that is still believed.
func (l *lookups) recent(user string, now time.Time) (s *Secret, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.answers[user]
	if a == nil || !l.believed(a, now) {
		return nil, false
	}
	return a.secret, true
}

func (l *lookups) believed(a *answer, now time.Time) bool {
	return !a.pending() && a.err == nil && !a.stale && now.Sub(a.at) < l.ttl
}

func (a *answer) pending() bool { return a.at.IsZero() }

// fetch asks, or waits for the answer to the same question.
func (l *lookups) fetch(ctx context.Context, user string) (*Secret, error) {
	a, mine := l.join(user)
	if mine != nil {
		l.run(ctx, user, a, mine.secret)
	}
	select {
	case <-a.done:
		return a.secret, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join gives the answer to wait for. When the caller has to find it, before is
// what was known until now.
func (l *lookups) join(user string) (a, before *answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a = l.answers[user]
	if a != nil && (a.pending() || l.believed(a, time.Now())) {
		return a, nil
	}
	before = a
	if before == nil {
		before = &answer{}
		l.makeRoom()
	}
	a = &answer{done: make(chan struct{})}
	l.answers[user] = a
	return a, before
}

// run finds an answer. The same secret as before keeps what was learned of it.
func (l *lookups) run(ctx context.Context, user string, a *answer, before *Secret) {
	text, found, err := l.lookup.Secret(ctx, user)
	switch {
	case err != nil:
		a.err, a.secret = err, nil
	case found && before != nil && before.text == text:
		a.secret = before
	case found:
		a.secret = newSecret(text)
	}
	l.mu.Lock()
	a.at = time.Now()
	if err != nil && before != nil {
		l.answers[user] = &answer{secret: before, at: a.at, stale: true}
	}
	l.mu.Unlock()
	close(a.done)
}

// forget makes the next login ask, unless the answer is very young: who guesses
// passwords shall not keep the nodes busy.
func (l *lookups) forget(user string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.answers[user]; a != nil && !a.pending() && now.Sub(a.at) > forgetAfter {
		a.stale = true
	}
}

// makeRoom keeps invented names from filling the memory: they go first.
func (l *lookups) makeRoom() {
	if len(l.answers) < maxAnswers {
		return
	}
	for user, a := range l.answers {
		if !a.pending() && a.secret == nil {
			delete(l.answers, user)
		}
	}
	for user, a := range l.answers {
		if len(l.answers) >= maxAnswers/2 && !a.pending() {
			delete(l.answers, user)
		}
	}
}
