package reactor

import "golang.org/x/sys/unix"

// A loop that has a ring uses it while much is to do, and epoll otherwise. A Conn
// changes over when it has been read empty the next time: one that is idle
// stays as it is. Whichever the loop waits for hears of the other: the ring watches
// epoll, or signals the eventfd. (To have epoll watch the ring does not do: that
// hears of nothing while completions wait for this thread to fetch them.)
// Listening sockets and the eventfd stay with epoll.

// startRing makes the ring the calling thread's.
func (l *Loop) startRing() error {
	if l.ring == nil {
		return nil
	}
	if err := l.ring.enable(l.eventfd); err != nil {
		return err
	}
	l.carry(l.onRing)
	return nil
}

// adapt changes over when the pace has.
func (l *Loop) adapt() {
	woken := l.woken
	if l.woken = 0; woken > 0 && l.turnOver != nil && l.turnOver(woken) {
		l.carry(!l.onRing)
	}
}

// carry has the ring, or else epoll, carry the Conns that are active from now on.
func (l *Loop) carry(onRing bool) {
	l.onRing = onRing
	l.ring.signal(!onRing)
	if onRing {
		l.watchEpoll()
		return
	}
	e := l.ring.request()
	e.opcode, e.fd, e.addr = opAsyncCancel, -1, forEpoll
	l.collect()
}

// collect deals with completions while epoll is the one that the loop waits for.
func (l *Loop) collect() {
	for l.ring != nil && !l.onRing {
		l.ring.submit()
		if !l.ring.come() { // it may bring no more than some at a time
			return
		}
		_ = l.completions() // epoll's, which might fail, are not followed
	}
}

// listen sees to it that an event tells of what comes, in the loop's present way.
// While the ring has a request under way for c, that one does.
func (c *Conn) listen() error {
	switch {
	case c.loop.onRing && c.watched:
		c.unwatch()
		c.awaitRoom() // somebody may wait for it
		c.awaitData()
	case c.loop.onRing:
		c.awaitData()
	case !c.watched && c.uring.input == notAsked:
		return c.watch()
	}
	return nil
}

func (c *Conn) watch() error {
	c.watched = true
	return c.loop.register(c.fd, edges)
}

func (c *Conn) unwatch() {
	if c.watched {
		c.watched = false
		_ = unix.EpollCtl(c.loop.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
	}
}
