package admin

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgproto3/v2"
)

const (
	maxMessage = 64 << 10 // bytes in one message: console commands are short
	maxLength  = 1 << 30  // and in one that PostgreSQL would read
	maxQueued  = 64       // messages read ahead while a command runs
)

// inbox reads a client's messages ahead of the session, so that a client that
// vanishes is noticed while its command runs.
type inbox struct {
	messages chan pgproto3.FrontendMessage // closed when there will be no more
	err      error                         // why; valid once messages is closed

	conn net.Conn
	quit chan struct{}
}

// startInbox starts the reading goroutine; close ends it and waits. gone is
// called once, from that goroutine, when the client can send no more.
func startInbox(conn net.Conn, gone func()) *inbox {
	in := &inbox{messages: make(chan pgproto3.FrontendMessage, maxQueued), conn: conn, quit: make(chan struct{})}
	go in.read(gone)
	return in
}

func (in *inbox) read(gone func()) {
	defer close(in.messages)
	defer gone()
	r := bufio.NewReader(in.conn)
	for {
		m, err := readMessage(r)
		if err != nil {
			in.err = err
			return
		}
		select {
		case in.messages <- m:
		case <-in.quit:
			return
		}
	}
}

func (in *inbox) close() {
	close(in.quit)
	in.conn.SetReadDeadline(time.Unix(1, 0))
	for range in.messages { // until the goroutine has closed it
	}
}

// readMessage reads one message into memory of its own. Terminate reads as
// io.EOF, like a connection closed between messages.
func readMessage(r io.Reader) (pgproto3.FrontendMessage, error) {
	var header [5]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	m := newMessage(header[0])
	if m == nil {
		return nil, violation("invalid frontend message type %d", header[0])
	}
	size := int64(binary.BigEndian.Uint32(header[1:])) - 4
	switch {
	case size < 0, size > maxLength:
		return nil, violation("invalid message length %d", size)
	case size > maxMessage:
		return nil, tooLarge(r, size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if _, ok := m.(*pgproto3.Terminate); ok {
		return nil, io.EOF
	}
	if err := decode(m, body); err != nil {
		return nil, violation("invalid message format: %v", err)
	}
	return m, nil
}

// tooLarge reads the message to its end: a connection closed with something
// unread is reset, and the client would not get to see the error.
func tooLarge(r io.Reader, size int64) error {
	if _, err := io.CopyN(io.Discard, r, size); err != nil {
		return err
	}
	return newError(codeTooMany, "a message of %d bytes is too large: the console takes up to %d", size, maxMessage)
}

// decode recovers because Bind panics on a parameter length below -1.
func decode(m pgproto3.FrontendMessage, body []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T: %v", m, p)
		}
	}()
	return m.Decode(body)
}

// newMessage is nil for a type that has no place after authentication.
func newMessage(kind byte) pgproto3.FrontendMessage {
	switch kind {
	case 'Q':
		return new(pgproto3.Query)
	case 'P':
		return new(pgproto3.Parse)
	case 'B':
		return new(pgproto3.Bind)
	case 'D':
		return new(pgproto3.Describe)
	case 'E':
		return new(pgproto3.Execute)
	case 'C':
		return new(pgproto3.Close)
	case 'H':
		return new(pgproto3.Flush)
	case 'S':
		return new(pgproto3.Sync)
	case 'X':
		return new(pgproto3.Terminate)
	case 'F':
		return new(functionCall)
	case 'd', 'c', 'f':
		return new(copyMessage)
	}
	return nil
}

// functionCall and copyMessage are recognised but never looked into.
type (
	functionCall struct{ pgproto3.FunctionCall }
	copyMessage  struct{ pgproto3.CopyData }
)

func (*functionCall) Decode([]byte) error { return nil }
func (*copyMessage) Decode([]byte) error  { return nil }

// left reports whether err is how a client leaves, politely or not.
func left(err error) bool {
	for _, how := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, how) {
			return true
		}
	}
	return false
}
