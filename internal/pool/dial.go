package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// TLS says how connections to the nodes are encrypted.
type TLS struct {
	Modes []certs.Mode // by node
	Certs *certs.Nodes // nil = never

	Direct bool // without a request first (sslnegotiation=direct)
}

// encryption is what one attempt to connect asks for.
type encryption int

const (
	plain   encryption = iota
	offered            // if the node can
	always
	direct // always, and without a request first
)

// attempts are made one after the other, while the node refuses.
func (p *Pools) attempts(id cluster.NodeID) []encryption {
	if p.config().TLS.Certs == nil || p.config().Nodes[id].Local() {
		return []encryption{plain}
	}
	switch p.config().TLS.Modes[id] {
	case certs.Disable:
		return []encryption{plain}
	case certs.Allow:
		return []encryption{plain, always}
	case certs.Prefer:
		return []encryption{offered, plain}
	}
	if p.config().TLS.Direct {
		return []encryption{direct}
	}
	return []encryption{always}
}

// refused reports whether the node might take another kind of connection: its
// pg_hba.conf did not like this one, or encryption failed.
func refused(err error) bool {
	var told *wire.Error
	var failed *encryptionError
	return errors.As(err, &told) && told.Code == "28000" || errors.As(err, &failed)
}

// encryptionError is a failure that another try at the same will not mend.
type encryptionError struct{ err error }

func (e *encryptionError) Error() string { return "TLS: " + e.err.Error() }
func (e *encryptionError) Unwrap() error { return e.err }

// link is a connection to a node, in blocking style.
type link struct {
	net.Conn                     // to talk through
	socket    net.Conn           // below
	tls       *tls.Conn          // nil in plain text
	transport *reactor.Transport // of tls
}

// dial connects and encrypts; ctx limits also what is done with the link, until
// release is called. The caller closes the link.
func (p *Pools) dial(ctx context.Context, id cluster.NodeID, e encryption) (l *link, release func() bool, err error) {
	network, address := p.config().Nodes[id].Dial()
	socket, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = socket.SetDeadline(deadline)
	}
	release = context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	l = &link{Conn: socket, socket: socket}
	if e != plain {
		err = l.encrypt(e, p.config().TLS.Certs.Config(p.config().TLS.Modes[id], p.config().Nodes[id].Host))
	}
	if err != nil {
		release()
		_ = socket.Close()
		return nil, nil, err
	}
	return l, release, nil
}

// encrypt begins TLS, if the node can.
func (l *link) encrypt(e encryption, config *tls.Config) error {
	if e != direct {
		if agreed, err := l.request(e); !agreed || err != nil {
			return err
		}
	}
	l.transport = &reactor.Transport{Conn: l.socket}
	l.tls = tls.Client(l.transport, config)
	l.Conn = l.tls
	if err := disagreement(l.tls.Handshake()); err != nil {
		return err
	}
	if e == direct && l.tls.ConnectionState().NegotiatedProtocol == "" { // as libpq
		return &encryptionError{fmt.Errorf("the node does not know the ALPN protocol %q, and sslnegotiation is direct", config.NextProtos[0])}
	}
	return nil
}

// request asks the node for TLS. Nothing is read beyond its answer: what else comes
// in plain text fails the handshake (CVE-2021-23222).
func (l *link) request(e encryption) (agreed bool, err error) {
	if _, err := l.socket.Write(wire.AppendSSLRequest(nil)); err != nil {
		return false, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(l.socket, answer[:]); err != nil {
		return false, err
	}
	switch {
	case answer[0] == 'N' && e == offered:
		return false, nil
	case answer[0] == 'N':
		return false, &encryptionError{errors.New("the node does not offer it, and sslmode asks for it")}
	case answer[0] != 'S': // an error's text may be anybody's (CVE-2024-10977)
		return false, &encryptionError{fmt.Errorf("the node answers the request with %q", answer[0])}
	}
	return true, nil
}

// disagreement tells a failure of TLS from one of the network.
func disagreement(err error) error {
	var (
		certificate *tls.CertificateVerificationError
		alert       tls.AlertError
		record      tls.RecordHeaderError
	)
	if errors.As(err, &certificate) || errors.As(err, &alert) || errors.As(err, &record) {
		return &encryptionError{err}
	}
	return err
}

// endPoint is the data for channel binding; nil when there is none.
func (l *link) endPoint() []byte {
	if l.tls == nil {
		return nil
	}
	return wire.EndPoint(l.tls.ConnectionState().PeerCertificates[0])
}

// join brings the link's socket, as fd, into a loop.
func (l *link) join(loop *reactor.Loop, fd int) (*reactor.Conn, error) {
	conn, err := loop.NewConn(fd)
	if err == nil && l.tls != nil {
		conn.Secure(l.tls, l.transport)
	}
	return conn, err
}
