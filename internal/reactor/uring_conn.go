package reactor

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A request's purpose stands in its userData, above the number of a send buffer,
// the serial number of its Conn, and the descriptor, which may have a new owner
// by the time the completion comes.
const (
	forNothing = iota << purposeShift // nobody cares
	forEpoll                          // something has happened to what the Conns are not
	forData
	forSend
	forRoom
)

const (
	purposeShift = 60
	purposeMask  = 15 << purposeShift
	bufferShift  = 48
	bufferMask   = 1<<12 - 1
	serialShift  = 24
	serialMask   = 1<<24 - 1
	fdMask       = 1<<24 - 1
)

// uring is what a Conn has under way on its loop's ring. There is at most one
// request for data, made when all has been read, so nobody who does not read
// takes buffers from those who do.
type uring struct {
	serial  uint32
	held    []byte // received and not read yet
	buffer  int16  // that held is in, 1 more than its number; 0 for none of the ring's
	asked   bool   // a request for data is under way
	more    bool   // there was more than what is held
	failure int32  // an error number that the socket says only once
	output  bool   // a write is under way
	blocked bool   // somebody waits for its end
	polled  bool   // a request for room is under way
}

func (c *Conn) tag(purpose uint64) uint64 {
	return purpose | uint64(c.uring.serial&serialMask)<<serialShift | uint64(c.fd&fdMask)
}

// owner is the Conn that has made a request; nil when it has gone.
func (l *Loop) owner(userData uint64) *Conn {
	fd := int(userData & fdMask)
	if fd >= len(l.conns) || l.conns[fd] == nil || uint64(l.conns[fd].uring.serial&serialMask) != userData>>serialShift&serialMask {
		return nil
	}
	return l.conns[fd]
}

// enlist begins to listen to c.
func (c *Conn) enlist() {
	c.loop.serial++
	c.uring.serial = c.loop.serial
	if !c.readable {
		c.awaitData()
	}
}

// awaitData requests what comes next; the completion is an event.
func (c *Conn) awaitData() {
	if c.uring.asked {
		return
	}
	c.uring.asked = true
	e := c.loop.ring.request()
	e.opcode, e.flags, e.ioprio, e.fd, e.userData = opRecv, sqeBufferSelect, recvPollFirst, int32(c.fd), c.tag(forData)
}

// received notes what a request for data has brought.
func (c *Conn) received(e cqe) {
	u := &c.uring
	u.asked = false
	switch {
	case e.res > 0:
		id := int(e.flags >> cqeBufferShift)
		u.held, u.buffer = slot(c.loop.ring.receive.memory, id)[:e.res], int16(id+1)
		u.more = e.res == smallSize || e.flags&cqeSockNonempty != 0
		c.readable = true
	case e.res == -int32(unix.ENOBUFS), e.res == -int32(unix.EAGAIN): // a plain read will do
		c.readable = true
	case e.res == -int32(unix.ECANCELED):
	default:
		c.readable, c.hung, u.failure = true, true, -e.res
	}
}

// takeHeld reads from what was received.
func (c *Conn) takeHeld(b []byte) int {
	u := &c.uring
	n := copy(b, u.held)
	if u.held = u.held[n:]; len(u.held) > 0 {
		return n
	}
	c.letGo()
	if !u.more {
		c.drained()
	}
	return n
}

func (c *Conn) letGo() {
	if u := &c.uring; u.buffer > 0 {
		c.loop.ring.receive.put(int(u.buffer - 1))
		u.held, u.buffer = nil, 0
	}
}

// writeSoon has b sent with the loop's next system call. It is false for what
// finds no buffer.
func (c *Conn) writeSoon(b []byte) bool {
	r := c.loop.ring
	id := r.send.fill(b)
	if id < 0 {
		return false
	}
	c.uring.output = true
	r.writes++
	e := r.request()
	e.opcode, e.fd, e.userData = opSend, int32(c.fd), c.tag(forSend)|uint64(id)<<bufferShift
	e.addr, e.len, e.opFlags = uint64(uintptr(unsafe.Pointer(&slot(r.send.memory, id)[0]))), uint32(len(b)), unix.MSG_NOSIGNAL|unix.MSG_WAITALL
	return true
}

// sending reports whether an earlier write is not through yet, having tried to
// get it through. An event follows when it is.
func (c *Conn) sending() bool {
	if !c.uring.output {
		return false
	}
	c.loop.ring.submit()
	c.loop.reap()
	c.uring.blocked = c.uring.output
	return c.uring.output
}

// sent notes the end of a write; one that has failed is found out by reading.
func (c *Conn) sent(e cqe) {
	u := &c.uring
	failed := e.res < 0
	if failed {
		c.hung, c.readable = true, true
	}
	if failed || u.blocked {
		c.wakeLater()
	}
	u.output, u.blocked = false, false
}

func (c *Conn) wakeLater() {
	if c.owing() {
		_ = c.payUp()
	}
	switch {
	case c.task != nil:
		c.task.Wake()
	case c.handler != nil && c.readable:
		c.loop.startLater(c)
	}
}

// awaitRoom has an event tell when the socket can be written to again.
func (c *Conn) awaitRoom() {
	if c.uring.polled {
		return
	}
	c.uring.polled = true
	e := c.loop.ring.request()
	e.opcode, e.fd, e.opFlags, e.userData = opPollAdd, int32(c.fd), unix.POLLOUT, c.tag(forRoom)
}

// endRequests gets out what was written and ends what is under way: a socket
// stays open for as long as a request for it is.
func (c *Conn) endRequests() {
	c.loop.ring.submit()
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	c.letGo()
}

// delist takes c off the ring, with its socket in order. What was received is kept.
func (c *Conn) delist() {
	u := &c.uring
	for u.asked {
		c.cancelData()
	}
	if u.buffer > 0 {
		kept := slices.Clone(u.held)
		c.letGo()
		u.held = kept
	}
	u.output, u.blocked, u.polled = false, false, false
}

// cancelData withdraws the request for data, which may have been carried out.
func (c *Conn) cancelData() {
	tag := c.tag(forData)
	e := c.loop.ring.request()
	e.opcode, e.fd, e.addr = opAsyncCancel, -1, tag
	c.loop.ring.submit()
	c.loop.reap()
	for i := range c.loop.done {
		if e := &c.loop.done[i]; e.userData == tag {
			c.received(*e)
			e.userData = forNothing
		}
	}
}
