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

// uring is what a Conn has under way on its loop's ring. A request for data
// brings one completion after the other (multishot), until somebody who reads
// too slowly, or much, makes it be withdrawn; then plain reads follow, until all
// has been read. So nobody takes many buffers from the others, and while a
// request is under way nobody else reads.
type uring struct {
	serial  uint32
	held    []byte // of what was received, the first that is not read yet
	buffer  int16  // that held is in, 1 more than its number; 0 for none of the ring's
	last    int16  // of those that follow, in the same way
	queued  int16  // buffers
	failure int32  // an error number that the socket says only once
	input   input
	output  output
	polled  bool // a request for room is under way
}

// input is the request for data.
type input uint8

const (
	notAsked  input = iota
	asked           // it is under way
	withdrawn       // it is under way, and has been told to end
)

// output is the write.
type output uint8

const (
	allSent  output = iota
	inFlight        // it is under way
	awaited         // it is under way, and somebody waits for its end
)

// maxQueued is how many buffers may wait for one reader.
const maxQueued = 4

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

// enlist gives c a serial number on its loop.
func (c *Conn) enlist() {
	c.loop.serial++
	c.uring.serial = c.loop.serial
}

// awaitData requests what comes from now on; each completion is an event.
func (c *Conn) awaitData() {
	if c.uring.input != notAsked {
		return
	}
	c.uring.input = asked
	e := c.loop.ring.request()
	e.opcode, e.flags, e.ioprio, e.fd, e.userData = opRecv, sqeBufferSelect, recvPollFirst|recvMultishot, int32(c.fd), c.tag(forData)
}

// received notes what a request for data has brought.
func (c *Conn) received(e cqe) {
	u := &c.uring
	if e.flags&cqeMore == 0 {
		u.input = notAsked
	}
	switch {
	case e.res > 0:
		c.hold(int16(e.flags>>cqeBufferShift), int16(e.res))
		if e.res == smallSize || u.queued >= maxQueued || !c.loop.onRing {
			c.withdraw()
		}
	case e.res < 0 && !transient(e.res):
		u.failure = -e.res
		fallthrough
	case e.res == 0:
		c.hung = true
	}
	c.readable = c.hung || u.input == notAsked || len(u.held) > 0
}

// transient tells the errors after which a plain read will do.
func transient(res int32) bool {
	switch unix.Errno(-res) {
	case unix.ENOBUFS, unix.EAGAIN, unix.EINTR, unix.ECANCELED:
		return true
	}
	return false
}

// hold puts a buffer behind those that are not read yet.
func (c *Conn) hold(id, size int16) {
	u, b := &c.uring, &c.loop.ring.receive
	b.chunks[id] = chunk{size: size}
	if u.buffer == 0 {
		u.buffer, u.held = id+1, b.data(id)
	} else {
		b.chunks[u.last-1].next = id + 1
	}
	u.last = id + 1
	u.queued++
}

// takeHeld reads from what was received.
func (c *Conn) takeHeld(b []byte) int {
	u := &c.uring
	n := copy(b, u.held)
	if u.held = u.held[n:]; len(u.held) == 0 {
		c.nextHeld()
		c.readable = c.hung || u.input == notAsked || len(u.held) > 0
	}
	return n
}

// nextHeld gives the first buffer back.
func (c *Conn) nextHeld() {
	u, b := &c.uring, &c.loop.ring.receive
	u.held = nil
	if u.buffer == 0 {
		return
	}
	next := b.chunks[u.buffer-1].next
	b.put(int(u.buffer - 1))
	u.buffer = next
	u.queued--
	if next > 0 {
		u.held = b.data(next - 1)
	}
}

// letGo gives all buffers back.
func (c *Conn) letGo() {
	for c.uring.buffer > 0 {
		c.nextHeld()
	}
}

// withdraw ends the request for data. What comes before it has ended is kept.
func (c *Conn) withdraw() {
	if c.uring.input != asked {
		return
	}
	c.uring.input = withdrawn
	e := c.loop.ring.request()
	e.opcode, e.fd, e.addr = opAsyncCancel, -1, c.tag(forData)
}

// writeSoon has b sent with the loop's next system call. It is false for what
// finds no buffer.
func (c *Conn) writeSoon(b []byte) bool {
	r := c.loop.ring
	id := r.send.fill(b)
	if id < 0 {
		return false
	}
	c.uring.output = inFlight
	r.writes++
	e := r.request()
	e.opcode, e.fd, e.userData = opSend, int32(c.fd), c.tag(forSend)|uint64(id)<<bufferShift
	e.addr, e.len, e.opFlags = uint64(uintptr(unsafe.Pointer(&slot(r.send.memory, id)[0]))), uint32(len(b)), unix.MSG_NOSIGNAL|unix.MSG_WAITALL
	return true
}

// sending reports whether an earlier write is not through yet, having tried to
// get it through. An event follows when it is.
func (c *Conn) sending() bool {
	if c.uring.output == allSent {
		return false
	}
	c.loop.ring.submit()
	c.loop.reap()
	if c.uring.output == allSent {
		return false
	}
	c.uring.output = awaited
	return true
}

// sent notes the end of a write; one that has failed is found out by reading.
func (c *Conn) sent(e cqe) {
	u := &c.uring
	failed := e.res < 0
	if failed {
		c.hung, c.readable = true, true
	}
	if failed || u.output == awaited {
		c.wakeLater()
	}
	u.output = allSent
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
	if u := &c.uring; u.input == notAsked && u.output == allSent && !u.polled {
		c.letGo()
		return
	}
	c.loop.ring.submit()
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	c.letGo()
}

// delist takes c off the ring, with its socket in order: what was written goes out
// while the descriptor is c's, and what was received is kept.
func (c *Conn) delist() {
	c.recall()
	u := &c.uring
	if u.output != allSent {
		c.loop.ring.submit()
	}
	u.output, u.polled = allSent, false
}

// recall ends the request for data at once. What was received is kept, in a buffer
// that is c's own.
func (c *Conn) recall() {
	u := &c.uring
	for u.input != notAsked {
		c.withdraw()
		c.loop.ring.submit()
		c.loop.reap()
		c.receiveNow()
	}
	kept := slices.Clone(u.held)
	for u.buffer > 0 {
		c.nextHeld()
		kept = append(kept, u.held...)
	}
	u.held = kept
}

// receiveNow takes c's completions out of turn.
func (c *Conn) receiveNow() {
	tag := c.tag(forData)
	for i := range c.loop.done {
		if e := &c.loop.done[i]; e.userData == tag {
			c.received(*e)
			e.userData = forNothing
		}
	}
}
