package server

import (
	"crypto/tls"
	"fmt"

	"github.com/pgherd/pgherd/internal/wire"
)

// tlsHandshake is the first byte of a client that begins with TLS at once; as
// the length of a start-up packet it would be far beyond the limit.
const tlsHandshake = 0x16

// tlsFacts is what authentication needs to know of an encrypted session.
type tlsFacts struct {
	endPoint []byte // for channel binding; nil when the certificate has none
	verified bool   // the client has shown a certificate that ca_file vouches for
	cn, dn   string // its subject: common name, and all of it (RFC 2253)
}

func newTLSFacts(state tls.ConnectionState, config *tls.Config) *tlsFacts {
	f := &tlsFacts{endPoint: wire.EndPoint(config.Certificates[0].Leaf)}
	if len(state.VerifiedChains) > 0 {
		subject := state.VerifiedChains[0][0].Subject
		f.verified, f.cn, f.dn = true, subject.CommonName, subject.String()
	}
	return f
}

// offersTLS reports whether the client may ask for encryption now.
func (l *login) offersTLS() bool {
	return l.shard.srv.config().TLS != nil && l.tls == nil && !l.conn.Local()
}

// answerSSL answers SSLRequest, and encrypts the connection if it can.
func (l *login) answerSSL() error {
	if !l.offersTLS() {
		return l.decline()
	}
	if err := l.nothingBehind(); err != nil {
		return err
	}
	if err := l.write([]byte{'S'}); err != nil {
		return err
	}
	return l.encrypt(nil)
}

// decline answers a request for encryption that is not to be had.
func (l *login) decline() error {
	if err := l.nothingBehind(); err != nil {
		return err
	}
	return l.write([]byte{'N'})
}

// nothingBehind makes sure that no plain text, which anybody may have put there,
// passes for what the client says encrypted (CVE-2021-23214).
func (l *login) nothingBehind() error {
	var b [1]byte
	n, err := l.conn.TryRead(b[:])
	if n > 0 {
		return wire.Violation("received unencrypted data after a request for encryption")
	}
	return gone(err)
}

// encrypt carries out the handshake. already is what was read of it: nil after
// an SSLRequest, else the start of direct TLS, which needs ALPN so that no other
// protocol's client can be led here. Plain words would not be understood by
// then: a failure is only logged.
func (l *login) encrypt(already []byte) error {
	config := l.shard.srv.config().TLS.Config()
	if err := l.task.Encrypt(l.conn, config, already, l.deadline); err != nil {
		l.shard.srv.log.Info("TLS handshake failed", "client", l.conn.PeerAddr(), "error", err)
		return fmt.Errorf("%w: TLS handshake: %w", errGone, err)
	}
	state := l.conn.TLS().ConnectionState()
	l.tls = newTLSFacts(state, config)
	if already != nil && state.NegotiatedProtocol == "" {
		return wire.Violation("direct TLS connection without the ALPN protocol %q", config.NextProtos[0])
	}
	return nil
}

// checkEncryption refuses plain text where tls.client.sslmode asks for more.
func (l *login) checkEncryption() error {
	c := l.shard.srv.config().TLS
	if c == nil || !c.Required() || l.tls != nil || l.conn.Local() {
		return nil
	}
	return wire.Fatalf("28000", "pgherd accepts encrypted connections only").WithHint("Connect with sslmode=require or better.")
}
