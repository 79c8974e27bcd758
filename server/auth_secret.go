package server

import (
	"crypto/rand"
	"errors"

	"github.com/pgherd/pgherd/internal/users"
	"github.com/pgherd/pgherd/internal/wire"
)

func (l *login) wrong(why string) error { return &refusal{errPassword(l.user), why} }

// cleartext asks for the password itself.
func (l *login) cleartext(s *users.Secret) error {
	password, err := l.password(wire.AuthCleartext, nil)
	if err != nil {
		return err
	}
	if password == "" {
		return l.wrong("empty password")
	}
	right := false
	l.task.Await(func() {
		l.shard.srv.users.Exert(func() { right = s.Check(l.user, password) })
	})
	if !right {
		return l.wrong("wrong password")
	}
	return nil
}

// md5 asks for the password's digest with a salt that is used once.
func (l *login) md5(s *users.Secret) error {
	salt := make([]byte, 4)
	_, _ = rand.Read(salt) // never fails
	answer, err := l.password(wire.AuthMD5, salt)
	if err != nil {
		return err
	}
	if !wire.Same(answer, s.MD5Answer(l.user, salt)) {
		return l.wrong("wrong password")
	}
	return nil
}

// password sends a request and reads the PasswordMessage that answers it.
func (l *login) password(code uint32, data []byte) (string, error) {
	if err := l.write(wire.AppendAuth(nil, code, data)); err != nil {
		return "", err
	}
	body, err := l.readMessage()
	if err != nil {
		return "", err
	}
	text, rest, ok := wire.CString(body)
	if !ok || len(rest) > 0 {
		return "", wire.Violation("malformed PasswordMessage")
	}
	return string(text), nil
}

// scram runs a SCRAM exchange. A secret of another form is no use for it.
func (l *login) scram(s *users.Secret) error {
	v, err := l.verifier(s)
	if err != nil {
		return err
	}
	exchange := wire.NewServerExchange(v)
	if l.tls != nil {
		exchange.Bind(l.tls.endPoint)
	}
	first, err := l.scramFirst(exchange)
	if err != nil {
		return err
	}
	reply, err := exchange.First(first)
	if err != nil {
		return err
	}
	if err := l.write(wire.AppendAuth(nil, wire.AuthSASLContinue, reply)); err != nil {
		return err
	}
	body, err := l.readMessage()
	if err != nil {
		return err
	}
	reply, key, err := exchange.Final(body)
	if errors.Is(err, wire.ErrScram) {
		return l.wrong(scramReason(s))
	}
	if err != nil {
		return err
	}
	s.Learn(key)
	return l.write(wire.AppendAuth(nil, wire.AuthSASLFinal, reply))
}

func scramReason(s *users.Secret) string {
	if s.Kind() == users.MD5 {
		return "the user's secret is an md5 hash, which is no use for SCRAM"
	}
	return "wrong password"
}

// scramFirst offers the mechanisms and reads client-first-message.
func (l *login) scramFirst(x *wire.ServerExchange) ([]byte, error) {
	if err := l.write(wire.AppendAuth(nil, wire.AuthSASL, x.Mechanisms())); err != nil {
		return nil, err
	}
	body, err := l.readMessage()
	if err != nil {
		return nil, err
	}
	mechanism, first, err := wire.ParseSASLInitial(body)
	if err != nil {
		return nil, err
	}
	return first, x.Choose(users.Clip(mechanism))
}

// verifier is that of a secret, or of a mock; what is not known yet is computed
// away from the loop.
func (l *login) verifier(s *users.Secret) (*wire.Verifier, error) {
	if s.Kind() == users.MD5 {
		return l.shard.srv.users.Mock(l.user).Verifier(), nil
	}
	if v := s.Verifier(); v != nil {
		return v, nil
	}
	var err error
	l.task.Await(func() {
		l.shard.srv.users.Exert(func() { err = s.Derive() })
	})
	if err != nil {
		return nil, l.wrong(err.Error())
	}
	return s.Verifier(), nil
}
