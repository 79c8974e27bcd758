package reactor

import (
	"crypto/tls"
	"iter"
	"net"
	"sync"
	"time"
)

// handshake is a TLS handshake in progress. It takes milliseconds of CPU and
// waits for the peer in between, so it is a coroutine of its own: each stretch
// runs on an ordinary goroutine, and the loop reads and writes between them. No
// thread waits for a slow peer.
type handshake struct {
	inLoop
	mu    sync.Mutex // held while the coroutine runs
	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()

	in, out []byte // ciphertext from the peer, and for it
	done    bool
	err     error
}

// Encrypt carries out the server's side of a TLS handshake on c, which must be
// attached to t, and encrypts c from then on. already is what was read of it
// before. After an error c can only be closed.
func (t *Task) Encrypt(c *Conn, config *tls.Config, already []byte, deadline time.Time) error {
	h := &handshake{in: already}
	e := &encryption{transport: &Transport{h}}
	e.conn = tls.Server(e.transport, config)
	defer func() {
		if !h.done {
			t.loop.work.Go(h.abandon) // not here: a loop is tied to its thread
		}
	}()
	if err := h.run(t, c, e.conn, deadline); err != nil {
		return err
	}
	e.early = h.in
	c.secure(e)
	return nil
}

func (h *handshake) run(t *Task, c *Conn, conn *tls.Conn, deadline time.Time) error {
	buf := make([]byte, 4<<10)
	for {
		t.Await(func() { h.step(conn) })
		if err := t.Write(c, h.out, deadline); err != nil && h.err == nil {
			return err
		}
		h.out = nil
		if h.done {
			return h.err
		}
		n, err := t.Read(c, buf, deadline)
		if err != nil {
			return err
		}
		h.in = buf[:n]
	}
}

// step goes on until the peer must say something, or it is over.
func (h *handshake) step(conn *tls.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next == nil {
		h.next, h.stop = iter.Pull(func(yield func(struct{}) bool) {
			h.yield = yield
			h.err = conn.Handshake()
		})
	}
	_, more := h.next()
	h.done = !more
}

func (h *handshake) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != nil {
		h.stop()
	}
}

// Read gives way while there is nothing.
func (h *handshake) Read(b []byte) (int, error) {
	for len(h.in) == 0 {
		if !h.yield(struct{}{}) {
			return 0, net.ErrClosed
		}
	}
	n := copy(b, h.in)
	h.in = h.in[n:]
	return n, nil
}

// Write keeps it for the loop.
func (h *handshake) Write(b []byte) (int, error) {
	h.out = append(h.out, b...)
	return len(b), nil
}
