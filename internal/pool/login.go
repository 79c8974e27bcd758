package pool

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// Secrets knows what proves a user's identity to the nodes.
type Secrets interface {
	// ServerSecret is the user's password in clear, or in pg_authid's md5 form. It
	// may take its time.
	ServerSecret(user string) (secret string, ok bool)
	// ServerKeys are the SCRAM keys of a user whose password is not known, for one
	// salt and iteration count.
	ServerKeys(user string, salt []byte, iterations int) (wire.ClientKeys, bool)
}

// DialError says which node could not be reached or logged in to. It may wrap a
// *wire.Error, the server's own words.
type DialError struct {
	Node    cluster.NodeID
	Address string
	Err     error
}

func (e *DialError) Error() string {
	return fmt.Sprintf("connect to node %d (%s): %v", e.Node, e.Address, e.Err)
}

func (e *DialError) Unwrap() error { return e.Err }

// unreachable reports whether err tells of the node's state rather than of the
// user's or the database's, or of what we were told to ask for.
func unreachable(err error) bool {
	var told *wire.Error
	var failed *encryptionError
	if errors.As(err, &failed) {
		return false
	}
	return !errors.As(err, &told) || (len(told.Code) == 5 && told.Code[:3] == "57P")
}

// Unreachable reports whether the node itself could not be used, so that
// another node, or the same one later, may do.
func (e *DialError) Unreachable() bool { return unreachable(e.Err) }

const (
	maxLoginFrame  = 64 << 10
	maxLoginParams = 1000 // that a node may report
)

// login is a connection that has reached ReadyForQuery.
type login struct {
	link   *link
	fd     int
	pid    uint32
	secret []byte
	params map[string]string
}

func (in *login) close() { unix.Close(in.fd) }

// login makes a connection for a pool.
func (p *Pools) login(ctx context.Context, k Key) (*login, error) {
	h, err := p.shakeHands(ctx, k, p.config().limitsOf(k).Login)
	if err != nil {
		return nil, err
	}
	defer h.conn.socket.Close()
	if err = h.askIsolation(); err != nil {
		return nil, &DialError{k.Node, p.config().Nodes[k.Node].Address(), err}
	}
	if h.out.fd, err = reactor.Descriptor(h.conn.socket); err != nil {
		return nil, &DialError{k.Node, p.config().Nodes[k.Node].Address(), err}
	}
	reactor.NoDelay(h.out.fd)
	p.config().TCP.Apply(h.out.fd)
	return &h.out, nil
}

// shakeHands dials and logs in, in every way that the node's sslmode allows. The
// error is a *DialError. The caller closes the socket.
func (p *Pools) shakeHands(ctx context.Context, k Key, as Login) (*handshake, error) {
	var err error
	for _, e := range p.attempts(k.Node) {
		var h *handshake
		if h, err = p.attempt(ctx, k, as, e); err == nil {
			return h, nil
		}
		if !refused(err) {
			break
		}
	}
	return nil, &DialError{k.Node, p.config().Nodes[k.Node].Address(), err}
}

func (p *Pools) attempt(ctx context.Context, k Key, as Login, e encryption) (*handshake, error) {
	conn, release, err := p.dial(ctx, k.Node, e)
	if err != nil {
		return nil, err
	}
	defer release()
	h := &handshake{key: k, as: as, conn: conn, in: bufio.NewReader(conn), secrets: p.secrets, derived: &p.derived,
		allowPlain: p.config().AllowPlainPassword, out: login{link: conn, params: map[string]string{}}}
	if err := h.run(); err != nil {
		conn.socket.Close()
		return nil, disagreement(err) // TLS 1.3 tells what it thinks of our certificate afterwards
	}
	return h, nil
}

// handshake is one login in progress, in blocking style.
type handshake struct {
	key     Key
	as      Login
	conn    *link
	in      *bufio.Reader
	secrets Secrets
	derived *keyCache
	scram   *wire.ClientExchange
	proven  bool // SCRAM has come to its end
	welcome bool // the node has said AuthenticationOk
	out     login

	allowPlain bool // a password in clear without TLS
}

func (h *handshake) run() error {
	params := append([]string{"user", h.key.User, "database", cmp.Or(h.as.Database, h.key.Database)}, h.as.Params...)
	if err := h.send(wire.AppendStartup(nil, params...)); err != nil {
		return err
	}
	if err := h.untilReady(); err != nil {
		return err
	}
	if h.as.Query != "" {
		if _, err := h.ask(h.as.Query); err != nil {
			return fmt.Errorf("connect_query: %w", err)
		}
	}
	return h.settle()
}

// settle takes what the server has said on its own account behind ReadyForQuery
// (protocol, "Asynchronous Operations"): a parameter, a notice, or that it ends.
func (h *handshake) settle() error {
	for h.in.Buffered() > 0 {
		typ, body, err := readFrame(h.in)
		if err != nil {
			return err
		}
		if typ == wire.Authentication || typ == wire.BackendKeyData {
			return wire.Violation("message %q behind ReadyForQuery", typ)
		}
		if err := h.handle(typ, body); err != nil {
			return err
		}
	}
	return nil
}

func (h *handshake) untilReady() error {
	for {
		typ, body, err := readFrame(h.in)
		if err != nil {
			return err
		}
		if typ == wire.ReadyForQuery {
			return h.admitted(body)
		}
		if err := h.handle(typ, body); err != nil {
			return err
		}
	}
}

// admitted looks at the ReadyForQuery that ends a login.
func (h *handshake) admitted(body []byte) error {
	switch {
	case !h.welcome:
		return wire.Violation("ReadyForQuery without authentication")
	case string(body) != string(rune(wire.TxIdle)):
		return wire.Violation("transaction status %q after login", body)
	}
	return nil
}

// DefaultIsolation is the parameter that a new connection is asked for, since the
// server doesn't report it: how its transactions are isolated if BEGIN doesn't say.
const DefaultIsolation = "default_transaction_isolation"

func (h *handshake) askIsolation() error {
	row, err := h.ask("SHOW " + DefaultIsolation)
	if err != nil {
		return err
	}
	if len(row) > 6 { // one column: two bytes of their number, four of its length
		h.out.params[DefaultIsolation] = string(row[6:])
	}
	return h.settle()
}

// ask carries out a query that leaves no transaction open, connect_query for one,
// and returns the body of the last row.
func (h *handshake) ask(sql string) (row []byte, err error) {
	if err := h.send(wire.AppendQuery(nil, sql)); err != nil {
		return nil, err
	}
	for {
		typ, body, err := readFrame(h.in)
		if err != nil {
			return nil, err
		}
		switch typ {
		case wire.ReadyForQuery:
			if string(body) != string(rune(wire.TxIdle)) {
				return nil, errors.New("it leaves a transaction open")
			}
			return row, nil
		case wire.DataRow:
			row = body
		case wire.ErrorResponse:
			return nil, wire.ParseError(body)
		case wire.ParameterStatus:
			if err := h.handle(typ, body); err != nil {
				return nil, err
			}
		case wire.CopyInResponse, wire.CopyBothResponse:
			return nil, errors.New("it must not be a COPY")
		}
	}
}

func (h *handshake) send(b []byte) error {
	_, err := h.conn.Write(b)
	return err
}

func readFrame(r io.Reader) (byte, []byte, error) {
	var head [wire.HeaderLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	typ, size := wire.Peek(head[:])
	if size < 0 || size > maxLoginFrame {
		return 0, nil, wire.Violation("frame %q of %d bytes during login", typ, size)
	}
	body := make([]byte, size-wire.HeaderLen)
	_, err := io.ReadFull(r, body)
	return typ, body, err
}

func (h *handshake) handle(typ byte, body []byte) error {
	switch typ {
	case wire.Authentication:
		return h.authenticate(body)
	case wire.ErrorResponse:
		return wire.ParseError(body)
	case wire.ParameterStatus:
		name, rest, ok := wire.CString(body)
		value, _, ok2 := wire.CString(rest)
		if !ok || !ok2 || len(h.out.params) >= maxLoginParams {
			return wire.Violation("malformed ParameterStatus, or too many")
		}
		h.out.params[string(name)] = string(value)
	case wire.BackendKeyData:
		if len(body) < 8 || len(body) > 4+256 {
			return wire.Violation("BackendKeyData of %d bytes", len(body))
		}
		h.out.pid, h.out.secret = binary.BigEndian.Uint32(body), body[4:]
	case wire.NoticeResponse:
	default:
		return wire.Violation("message %q during login", typ)
	}
	return nil
}

// authenticate deals with one Authentication message of the node's.
func (h *handshake) authenticate(body []byte) error {
	code, data, err := wire.ParseAuth(body)
	switch {
	case err != nil:
		return err
	case h.welcome:
		return wire.Violation("authentication request after authentication")
	case code == wire.AuthOK && h.scram != nil && !h.proven:
		return h.unproven()
	case code == wire.AuthOK:
		h.welcome = true
		return nil
	}
	switch code {
	case wire.AuthSASLContinue:
		return h.proceed(data)
	case wire.AuthSASLFinal:
		if h.scram == nil {
			return wire.Violation("SASL message out of order")
		}
		if h.scram.Verify(data) != nil {
			return h.unproven()
		}
		h.proven = true
		return nil
	}
	return h.proveSecret(code, data)
}

// proveSecret answers a request for a password, in the way that the node asks for with
// code: SASL, MD5 with the salt data, or in clear.
func (h *handshake) proveSecret(code uint32, data []byte) error {
	secret, ok := h.as.Password, h.as.Password != ""
	if !ok {
		secret, ok = h.secrets.ServerSecret(h.key.User)
	}
	switch {
	case code == wire.AuthSASL:
		return h.offer(h.scramKeys(secret, ok), data)
	case code == wire.AuthMD5 && len(data) != 4:
		return wire.Violation("md5 salt of %d bytes", len(data))
	case code == wire.AuthMD5 && ok:
		return h.send(wire.AppendFrame(nil, wire.Password, wire.MD5Password(h.key.User, secret, data)+"\x00"))
	case code == wire.AuthCleartext && !h.allowPlain && !private(h.conn):
		return loginFailed("the node asks for the password in clear over a connection without TLS").
			WithHint("Change the method in the node's pg_hba.conf to scram-sha-256, use TLS, or set auth.allow_plain_password.")
	case code == wire.AuthCleartext && ok && !wire.IsMD5Secret(secret):
		return h.send(wire.AppendFrame(nil, wire.Password, secret+"\x00"))
	case code == wire.AuthMD5, code == wire.AuthCleartext:
		return loginFailed("the node asks user %q for a password, and pgherd has none in a form that serves", h.key.User).
			WithHint("Give the password in auth.users_file, or change the method in the node's pg_hba.conf to scram-sha-256.")
	}
	return loginFailed("the node asks for an authentication method (%d) that is not supported", code)
}

// unproven refuses a node that has begun SCRAM, in which both sides prove that they know
// the password, and has not done its part.
func (h *handshake) unproven() error {
	return loginFailed("the node did not prove that it knows the password of user %q", h.key.User)
}

// offer starts SCRAM when the server's list has it, bound to the node's
// certificate if there is one.
func (h *handshake) offer(keys deriver, mechanisms []byte) error {
	h.scram = wire.NewClientExchange(keys)
	h.scram.Bind(h.conn.endPoint())
	mechanism := h.scram.Choose(mechanisms)
	if mechanism == "" {
		return loginFailed("the node offers no SASL mechanism that is supported")
	}
	return h.send(wire.AppendSASLInitial(nil, mechanism, h.scram.First()))
}

func (h *handshake) proceed(data []byte) error {
	if h.scram == nil {
		return wire.Violation("SASL message out of order")
	}
	final, err := h.scram.Final(data)
	if err != nil {
		return err
	}
	return h.send(wire.AppendFrame(nil, wire.Password, final))
}
