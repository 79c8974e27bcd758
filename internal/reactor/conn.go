package reactor

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a non-blocking stream socket of one loop. It owns its descriptor.
type Conn struct {
	loop    *Loop
	fd      int
	task    *Task       // resumed by events, when set
	handler func(*Task) // started by the first event while there is no task

	readable bool // a read may bring something
	hung     bool // the peer has closed or failed: reading finds out what
	starting bool // queued to start its handler
	watched  bool // by epoll
	paused   bool // nothing is to be read
	uring    uring

	tls *encryption // nil in plain text
}

// NewConn takes over fd, a connected stream socket, and registers it with the
// loop. It must be called on the loop. On an error fd is closed.
func (l *Loop) NewConn(fd int) (*Conn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("socket: %w", err)
	}
	c := &Conn{fd: fd}
	if err := l.adopt(c); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return c, nil
}

// Loop is the loop that c belongs to.
func (c *Conn) Loop() *Loop { return c.loop }

// Readable reports whether a read may bring something at once.
func (c *Conn) Readable() bool { return c.readable || (c.tls != nil && !c.tls.drained) }

// Hung reports whether the peer is known to have closed or failed.
func (c *Conn) Hung() bool { return c.hung }

// Attach makes events of c resume t.
func (c *Conn) Attach(t *Task) { c.task = t }

// Idle lets go of the task: the next event, or one that has come already,
// starts handler on a coroutine with c attached to it. A nil handler ignores
// events until Attach.
func (c *Conn) Idle(handler func(*Task)) {
	c.task, c.handler = nil, handler
	if c.Readable() && handler != nil {
		c.loop.startLater(c)
	}
}

// TryRead reads what is there. It returns 0, nil when that is nothing yet, and
// io.EOF when the peer has closed its side.
func (c *Conn) TryRead(b []byte) (int, error) {
	if c.tls != nil {
		return c.readSecure(b)
	}
	return c.recv(b)
}

// recv is TryRead of the socket itself.
func (c *Conn) recv(b []byte) (int, error) {
	if !c.readable || len(b) == 0 {
		return 0, nil
	}
	if len(c.uring.held) > 0 {
		return c.takeHeld(b), nil
	}
	if e := c.uring.failure; e != 0 {
		return 0, os.NewSyscallError("recv", syscall.Errno(e))
	}
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			c.drained()
			return 0, nil
		case errno != 0:
			return 0, os.NewSyscallError("recv", errno)
		case n == 0:
			c.hung = true
			return 0, io.EOF
		}
		if int(n) < len(b) {
			c.drained()
		}
		return int(n), nil
	}
}

// drained notes that all was read: an event will tell of more.
func (c *Conn) drained() {
	if c.readable = c.hung; c.hung {
		return
	}
	if c.listen() != nil {
		c.hung, c.readable = true, true // no event would tell of anything
	}
}

// TryWrite writes what fits. A short count without an error means that the
// socket is full; an event follows when it has room.
func (c *Conn) TryWrite(b []byte) (int, error) {
	if c.tls != nil {
		return c.writeSecure(b)
	}
	return c.send(b)
}

// send is TryWrite to the socket itself.
func (c *Conn) send(b []byte) (int, error) {
	if c.loop.ring != nil && len(b) > 0 {
		if c.sending() {
			return 0, nil
		}
		if c.loop.onRing && c.writeSoon(b) {
			return len(b), nil
		}
	}
	done := 0
	for done < len(b) {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&b[done])), uintptr(len(b)-done), unix.MSG_NOSIGNAL, 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			c.full()
			return done, nil
		case errno != 0:
			return done, os.NewSyscallError("send", errno)
		default:
			done += int(n)
		}
	}
	return done, nil
}

// full sees to it that an event tells when the socket has room again.
func (c *Conn) full() {
	if !c.watched {
		c.awaitRoom()
	}
}

// Close closes the socket. Closing twice is harmless.
func (c *Conn) Close() {
	if c.fd < 0 {
		return
	}
	if c.tls != nil {
		c.farewell()
	}
	if c.loop.ring != nil {
		c.endRequests()
	}
	c.loop.forget(c)
	unix.Close(c.fd)
	c.fd = -1
}

// Shutdown ends the connection in both directions without closing the socket:
// whoever waits for it reads the end of the stream.
func (c *Conn) Shutdown() { _ = unix.Shutdown(c.fd, unix.SHUT_RDWR) }

// Closed reports whether c was closed or detached here.
func (c *Conn) Closed() bool { return c.fd < 0 }

// Detach takes the socket out of the reactor, as an ordinary connection in
// blocking style. c is closed afterwards, also after an error.
func (c *Conn) Detach() (net.Conn, error) {
	c.leave()
	f := os.NewFile(uintptr(c.fd), "socket")
	c.fd = -1
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("detach socket: %w", err)
	}
	if len(c.uring.held) > 0 {
		conn = &prefixed{conn, c.uring.held}
	}
	if c.tls != nil {
		return c.tls.detach(conn), nil
	}
	return conn, nil
}

// prefixed is a connection some of whose input was read already.
type prefixed struct {
	net.Conn
	first []byte
}

// Read is net.Conn's.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.first)
	p.first = p.first[n:]
	return n, nil
}

// Leave unregisters c from its loop, on that loop, so that another may Join it.
func (c *Conn) Leave() { c.leave() }

// Join registers c with l, on l, after it has left another loop.
func (c *Conn) Join(l *Loop) error { return l.adopt(c) }

// PeerAddr is the address of the other side, in Go's form; "" for a peer that
// has none or has gone.
func (c *Conn) PeerAddr() string { return address(unix.Getpeername(c.fd)) }

// LocalAddr is the address of this side, in the same form.
func (c *Conn) LocalAddr() string { return address(unix.Getsockname(c.fd)) }

func address(sa unix.Sockaddr, err error) string {
	if err != nil {
		return ""
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return (&net.TCPAddr{IP: a.Addr[:], Port: a.Port}).String()
	case *unix.SockaddrInet6:
		return (&net.TCPAddr{IP: a.Addr[:], Port: a.Port}).String()
	}
	return ""
}

// event notes what epoll has seen.
func (c *Conn) event(flags uint32) {
	if flags&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.readable = !c.paused
	}
	if flags&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hung = c.hung || !c.paused
	}
	c.wake()
}

// wake resumes or starts whoever is concerned.
func (c *Conn) wake() {
	if c.owing() {
		_ = c.payUp() // reading tells of a socket that is broken
	}
	switch {
	case c.task != nil:
		c.task.resume()
	case c.handler != nil && c.readable:
		c.start()
	}
}

func (c *Conn) start() {
	t := c.loop.task()
	c.task = t
	t.begin(c.handler)
}
