package reactor

import "golang.org/x/sys/unix"

// writable is what is asked about a paused Conn. The kernel tells of errors and
// hang-ups unasked: event leaves them for later.
const writable = unix.EPOLLOUT | unix.EPOLLET

// Pause stops reading: until Resume nothing can be read from the socket, and no
// event tells of data or of the peer's end. What is written still goes out.
func (c *Conn) Pause() {
	if c.paused || c.fd < 0 {
		return
	}
	if c.loop.ring != nil {
		c.recall()
	}
	if c.watched {
		_ = c.loop.follow(c.fd, writable) // its events would be ignored, too
	}
	c.paused, c.readable = true, false
}

// Resume undoes Pause: what has come meanwhile is an event.
func (c *Conn) Resume() {
	if !c.paused || c.fd < 0 {
		return
	}
	c.paused = false
	err := c.relisten()
	c.hung = c.hung || err != nil
	if c.readable = c.hung || len(c.uring.held) > 0; c.readable {
		c.wakeLater()
	}
}

// relisten is listen for a Conn that may have data waiting: epoll tells of it when
// it is asked anew. What the ring has brought already must be read first.
func (c *Conn) relisten() error {
	switch {
	case c.watched && !c.loop.onRing:
		return c.loop.follow(c.fd, edges)
	case len(c.uring.held) > 0 || c.hung:
		return nil
	}
	return c.listen()
}

// follow changes what epoll tells of a descriptor.
func (l *Loop) follow(fd int, flags uint32) error {
	ev := unix.EpollEvent{Events: flags, Fd: int32(fd)}
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, fd, &ev)
}

// Sent reports whether the socket has taken over all that was written.
func (c *Conn) Sent() bool { return c.uring.output == allSent && !c.owing() }
