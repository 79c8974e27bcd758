package reactor

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Transport is what a tls.Conn stands on. Below it, the socket can be in
// blocking style first (a dial) and in a loop later, or the other way round.
type Transport struct{ net.Conn }

// encryption is the TLS layer of a Conn.
type encryption struct {
	conn      *tls.Conn
	transport *Transport
	early     []byte // ciphertext that was read before the layer was there
	owed      []byte // ciphertext that did not fit into the socket
	drained   bool   // the last read found that nothing is left in the layer
}

const (
	maxPlaintext = 16 << 10  // of a record (RFC 8446, section 5.1)
	maxOwed      = 128 << 10 // a record, and answers to key updates
)

var errDeaf = errors.New("the peer asks for answers and does not read them")

// Secure puts conn, which stands on transport and has finished its handshake,
// between c and its users. c has taken over the socket below.
func (c *Conn) Secure(conn *tls.Conn, transport *Transport) {
	c.secure(&encryption{conn: conn, transport: transport})
}

func (c *Conn) secure(e *encryption) {
	e.transport.Conn = socket{c: c}
	c.tls = e
}

// TLS is the layer that encrypts c, for questions about its state; nil without.
func (c *Conn) TLS() *tls.Conn {
	if c.tls == nil {
		return nil
	}
	return c.tls.conn
}

// owing reports whether something that TryWrite has taken is not sent yet.
func (c *Conn) owing() bool { return c.tls != nil && len(c.tls.owed) > 0 }

// readSecure is TryRead. A read of the layer brings one record at most, and the
// socket may be drained long before the layer is.
func (c *Conn) readSecure(b []byte) (n int, err error) {
	e := c.tls
	for n < len(b) && (c.readable || !e.drained) {
		m, err := e.conn.Read(b[n:])
		n += m
		switch e.drained = errors.Is(err, errWouldBlock); {
		case err == nil:
			continue
		case e.drained, n > 0: // the layer says any other error again
			return n, nil
		case err == io.EOF:
			c.hung = true // close_notify, perhaps on an open socket
		}
		return 0, err
	}
	return n, nil
}

// writeSecure is TryWrite. What does not fit into the socket is taken for sent,
// and nothing more is taken until it is.
func (c *Conn) writeSecure(b []byte) (n int, err error) {
	if err := c.payUp(); err != nil {
		return 0, err
	}
	for n < len(b) && len(c.tls.owed) == 0 {
		m, err := c.tls.conn.Write(b[n:min(len(b), n+maxPlaintext)])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// payUp sends what is owed, as far as it fits.
func (c *Conn) payUp() error {
	e := c.tls
	if len(e.owed) == 0 {
		return nil
	}
	n, err := c.send(e.owed)
	if e.owed = e.owed[n:]; len(e.owed) == 0 {
		e.owed = nil
	}
	return err
}

// farewell says close_notify where that can reach somebody.
func (c *Conn) farewell() {
	if !c.hung && !c.owing() {
		_ = c.tls.conn.CloseWrite() // the socket is about to be closed anyway
	}
}

// detach moves the layer from c to a socket in blocking style.
func (e *encryption) detach(conn net.Conn) net.Conn {
	e.transport.Conn = conn
	return e.conn
}

// socket is a Conn as crypto/tls wants it. Not being able to read now is an
// error that passes; writing takes everything.
type socket struct {
	inLoop
	c *Conn
}

// Read reads ciphertext.
func (s socket) Read(b []byte) (int, error) {
	if e := s.c.tls; len(e.early) > 0 {
		n := copy(b, e.early)
		if e.early = e.early[n:]; len(e.early) == 0 {
			e.early = nil
		}
		return n, nil
	}
	n, err := s.c.recv(b)
	if n == 0 && err == nil {
		err = errWouldBlock
	}
	return n, err
}

// Write writes ciphertext.
func (s socket) Write(b []byte) (n int, err error) {
	e := s.c.tls
	if len(e.owed) == 0 {
		if n, err = s.c.send(b); err != nil {
			return n, err
		}
	}
	if len(e.owed)+len(b)-n > maxOwed {
		return n, errDeaf
	}
	e.owed = append(e.owed, b[n:]...)
	return len(b), nil
}

// inLoop is what else belongs to a net.Conn, and has no use where a loop does
// the reading and writing.
type inLoop struct{}

func (inLoop) Close() error                     { return nil }
func (inLoop) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (inLoop) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (inLoop) SetDeadline(time.Time) error      { return nil }
func (inLoop) SetReadDeadline(time.Time) error  { return nil }
func (inLoop) SetWriteDeadline(time.Time) error { return nil }

// wouldBlock is a net.Error of the kind that crypto/tls does not remember.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing to read yet" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

var errWouldBlock net.Error = wouldBlock{}
