package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// raw is a client that sends exactly the bytes it is told to.
type raw struct {
	t      *testing.T
	conn   net.Conn
	pid    uint32
	secret []byte
	params map[string]string
}

// patience is how long an answer may take before it counts as missing.
const patience = time.Minute

// dialRaw connects without a word.
func (r *rig) dialRaw() *raw {
	r.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close() })
	return &raw{t: r.T, conn: c, params: map[string]string{}}
}

// raw connects and logs in; the rig's server must trust its clients.
func (r *rig) raw(options ...string) *raw {
	r.Helper()
	c := r.dialRaw()
	c.send(wire.AppendStartup(nil, append([]string{"user", "bench", "database", "bench"}, options...)...))
	if got := c.until('Z'); !strings.HasSuffix(got, "Z:I") {
		r.Fatalf("login: %s", got)
	}
	return c
}

func (c *raw) send(parts ...[]byte) {
	c.t.Helper()
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	for _, p := range parts {
		if _, err := c.conn.Write(p); err != nil {
			c.t.Fatalf("send: %v", err)
		}
	}
}

func (c *raw) frame() (byte, []byte, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	var head [wire.HeaderLen]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return 0, nil, err
	}
	typ, size := wire.Peek(head[:])
	if size < 0 {
		return typ, nil, fmt.Errorf("frame %q of impossible length", typ)
	}
	body := make([]byte, size-wire.HeaderLen)
	_, err := io.ReadFull(c.conn, body)
	return typ, body, err
}

// next describes the next frame that is not a notice: its type, with the values
// of a row, the tag of a command, the SQLSTATE of an error, or the status.
func (c *raw) next() string {
	for {
		typ, body, err := c.frame()
		switch {
		case err == io.EOF, errors.Is(err, syscall.ECONNRESET):
			return "closed"
		case err != nil:
			return "failed: " + err.Error()
		case typ == wire.NoticeResponse:
		case typ == wire.ParameterStatus:
			name, rest, _ := wire.CString(body)
			value, _, _ := wire.CString(rest)
			c.params[string(name)] = string(value)
		case typ == wire.BackendKeyData:
			c.pid, c.secret = binary.BigEndian.Uint32(body), body[4:]
		default:
			return describe(typ, body)
		}
	}
}

func describe(typ byte, body []byte) string {
	switch typ {
	case wire.DataRow:
		return "D:" + strings.Join(rowValues(body), ",")
	case wire.CommandComplete:
		return "C:" + strings.ReplaceAll(strings.TrimRight(string(body), "\x00"), " ", "_")
	case wire.ErrorResponse:
		return "E:" + wire.ParseError(body).Code
	case wire.ReadyForQuery:
		return "Z:" + string(body)
	}
	return string(rune(typ))
}

func rowValues(body []byte) (values []string) {
	for b := body[2:]; len(b) > 0; {
		n := int(int32(binary.BigEndian.Uint32(b)))
		b = b[4:]
		if n < 0 {
			values = append(values, "null")
			continue
		}
		values, b = append(values, string(b[:n])), b[n:]
	}
	return values
}

// until describes the frames up to the first of a type, or the end.
func (c *raw) until(typ byte) string {
	var all []string
	for {
		s := c.next()
		all = append(all, s)
		if s[0] == typ || s == "closed" || strings.HasPrefix(s, "failed") {
			return strings.Join(all, " ")
		}
	}
}

// answers describes n batches' worth of answers.
func (c *raw) answers(n int) string {
	var all []string
	for range n {
		all = append(all, c.until('Z'))
	}
	return strings.Join(all, " ")
}

func (c *raw) want(n int, want string) {
	c.t.Helper()
	if got := c.answers(n); got != want {
		c.t.Errorf("got  %s\nwant %s", got, want)
	}
}

// do sends a simple query and expects an answer.
func (c *raw) do(sql, want string) {
	c.t.Helper()
	c.send(wire.AppendQuery(nil, sql))
	c.want(1, want)
}

func mParse(name, sql string) []byte {
	return wire.AppendFrame(nil, wire.Parse, name+"\x00"+sql+"\x00\x00\x00")
}

func mBind(portal, name string, values ...string) []byte {
	b := append([]byte(nil), portal+"\x00"+name+"\x00\x00\x00"...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(values)))
	for _, v := range values {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return wire.AppendFrame(nil, wire.Bind, append(b, 0, 0))
}

func mExecute(portal string, rows uint32) []byte {
	return wire.AppendFrame(nil, wire.Execute, binary.BigEndian.AppendUint32([]byte(portal+"\x00"), rows))
}

func mDescribe(kind byte, name string) []byte {
	return wire.AppendFrame(nil, wire.Describe, string(kind)+name+"\x00")
}

func mClose(kind byte, name string) []byte {
	return wire.AppendFrame(nil, wire.Close, string(kind)+name+"\x00")
}

func mSync() []byte           { return wire.AppendFrame(nil, wire.Sync, "") }
func mFlush() []byte          { return wire.AppendFrame(nil, wire.Flush, "") }
func mQuery(s string) []byte  { return wire.AppendQuery(nil, s) }
func mData(s string) []byte   { return wire.AppendFrame(nil, wire.CopyData, s) }
func mDone() []byte           { return wire.AppendFrame(nil, wire.CopyDone, "") }
func mFail(why string) []byte { return wire.AppendFrame(nil, wire.CopyFail, why+"\x00") }
func mTerminate() []byte      { return wire.AppendFrame(nil, wire.Terminate, "") }

// one is the extended protocol's way of asking a question without parameters.
func one(sql string) []byte {
	return join(mParse("", sql), mBind("", ""), mExecute("", 0))
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// login authenticates with SCRAM, as a node asks for.
func (c *raw) login(user, secret, database string, options ...string) {
	c.t.Helper()
	derive := func(salt []byte, n int) (wire.ClientKeys, error) { return wire.DeriveKeys(secret, salt, n) }
	c.loginWith(derive, user, database, options...)
}

func (c *raw) loginWith(derive func([]byte, int) (wire.ClientKeys, error), user, database string, options ...string) {
	c.t.Helper()
	c.send(wire.AppendStartup(nil, append([]string{"user", user, "database", database}, options...)...))
	var x *wire.ClientExchange
	for {
		typ, body, err := c.frame()
		if err != nil {
			c.t.Fatal(err)
		}
		if typ == wire.ReadyForQuery {
			return
		}
		if typ == wire.ParameterStatus {
			name, rest, _ := wire.CString(body)
			value, _, _ := wire.CString(rest)
			c.params[string(name)] = string(value)
		}
		if typ != wire.Authentication {
			continue
		}
		code, data, _ := wire.ParseAuth(body)
		switch code {
		case wire.AuthSASL:
			x = wire.NewClientExchange(derive)
			c.send(wire.AppendSASLInitial(nil, wire.ScramSHA256, x.First()))
		case wire.AuthSASLContinue:
			final, err := x.Final(data)
			if err != nil {
				c.t.Fatal(err)
			}
			c.send(wire.AppendFrame(nil, wire.Password, final))
		}
	}
}
