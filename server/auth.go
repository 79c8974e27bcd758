package server

import (
	"errors"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// authenticate finds out whether the client is who it says, after it has been
// told which version of the protocol is spoken. An unknown user goes through
// the same messages as a known one.
func (l *login) authenticate() error {
	version, tell := l.startup.Negotiate()
	l.version = version
	if tell {
		if err := l.write(wire.AppendNegotiateVersion(nil, version, l.startup.Unknown)); err != nil {
			return err
		}
	}
	if l.shard.srv.config.Auth == config.AuthTrust {
		return nil
	}
	err := l.scram()
	if errors.Is(err, wire.ErrScram) {
		l.shard.srv.log.Warn("authentication failed", "user", l.user, "database", l.database, "client", l.conn.PeerAddr())
		return errPassword(l.user)
	}
	return err
}

func (l *login) scram() error {
	exchange := wire.NewServerExchange(l.verifier())
	if l.tls != nil {
		exchange.Bind(l.tls.endPoint)
	}
	if err := l.write(wire.AppendAuth(nil, wire.AuthSASL, exchange.Mechanisms())); err != nil {
		return err
	}
	body, err := l.readMessage()
	if err != nil {
		return err
	}
	mechanism, first, err := wire.ParseSASLInitial(body)
	if err != nil {
		return err
	}
	if err := exchange.Choose(mechanism); err != nil {
		return err
	}
	reply, err := exchange.First(first)
	if err != nil {
		return err
	}
	if err := l.write(wire.AppendAuth(nil, wire.AuthSASLContinue, reply)); err != nil {
		return err
	}
	if body, err = l.readMessage(); err != nil {
		return err
	}
	reply, _, err = exchange.Final(body)
	if err != nil {
		return err
	}
	return l.write(wire.AppendAuth(nil, wire.AuthSASLFinal, reply))
}

// verifier computes what is not known yet away from the loop.
func (l *login) verifier() *wire.Verifier {
	users := l.shard.srv.users
	v := users.known(l.user)
	if v == nil {
		l.task.Await(func() { v = users.verifier(l.user) })
	}
	return v
}
