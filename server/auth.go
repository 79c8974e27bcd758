package server

import (
	"errors"
	"time"

	"github.com/pgherd/pgherd/internal/hba"
	"github.com/pgherd/pgherd/internal/users"
	"github.com/pgherd/pgherd/internal/wire"
)

// refusal is a login that failed: what the client is told, and what it is not.
type refusal struct {
	told *wire.Error
	why  string // for the log
}

func (r *refusal) Error() string { return r.why }

// authenticate finds out whether the client is who it says, after it has been
// told which version of the protocol is spoken.
func (l *login) authenticate() error {
	version, tell := l.startup.Negotiate()
	l.version = version
	if tell {
		if err := l.write(wire.AppendNegotiateVersion(nil, version, l.startup.Unknown)); err != nil {
			return err
		}
	}
	facts := l.facts()
	rule, err := l.rule(facts)
	if err == nil {
		err = l.prove(rule, facts)
	}
	return l.judge(rule, err)
}

// prove asks for what the rule wants.
func (l *login) prove(rule hba.Rule, facts facts) error {
	ident := l.shard.srv.config().Ident
	if err := checkCertificate(rule, facts, l.user, ident); err != nil {
		return err
	}
	switch rule.Method {
	case hba.Trust, hba.Cert: // the certificate was the proof
		return nil
	case hba.Reject:
		return rejected(rule, facts, l.asked(facts))
	case hba.Peer:
		name := ""
		l.task.Await(func() { name = systemUser(facts) })
		return checkPeer(rule, name, l.user, ident)
	case hba.Password:
		if !facts.Encrypted && !facts.Local && !l.shard.srv.config().AllowPlainPassword {
			return errPlain()
		}
	}
	return l.proveSecret(rule.Method)
}

// proveSecret lets an unknown user go through the same messages as a known one.
func (l *login) proveSecret(method hba.Method) error {
	s, err := l.secret()
	if err != nil {
		return err
	}
	why := ""
	if s == nil {
		s, why = l.shard.srv.users.Mock(l.user), "no such user, or one without a secret"
	}
	switch {
	case method == hba.Password:
		err = l.cleartext(s)
	case method == hba.MD5 && s.Kind() != users.SCRAM:
		err = l.md5(s)
	default:
		err = l.scram(s)
	}
	var r *refusal
	if errors.As(err, &r) {
		l.shard.srv.users.Refused(l.user, time.Now())
		if why != "" {
			r.why = why
		}
	}
	return err
}

// secret is what is known of the user; nil when nothing is.
func (l *login) secret() (*users.Secret, error) {
	s, known := l.shard.srv.users.Find(l.user)
	if known {
		return s, nil
	}
	var err error
	l.task.Await(func() { s, err = l.shard.srv.users.Ask(l.user) })
	if err != nil {
		return nil, &refusal{errLookup(), "auth.query failed: " + err.Error()}
	}
	return s, nil
}

// judge turns a refusal into what the client is told, and logs the rest.
func (l *login) judge(rule hba.Rule, err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	l.shard.srv.log.Warn("authentication failed", "user", users.Clip(l.user), "database", users.Clip(l.database),
		"client", l.conn.PeerAddr(), "method", rule.Method.String(), "hba", rule.Where(), "reason", r.why)
	return r.told
}
