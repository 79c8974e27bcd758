package reactor

import "golang.org/x/sys/unix"

// startRing makes the ring the calling thread's. Listening sockets and the
// eventfd stay with epoll, which the ring watches.
func (l *Loop) startRing() error {
	if l.ring == nil {
		return nil
	}
	if err := l.ring.enable(); err != nil {
		return err
	}
	l.watchEpoll()
	return nil
}

func (l *Loop) watchEpoll() {
	e := l.ring.request()
	e.opcode, e.fd, e.opFlags, e.userData = opPollAdd, int32(l.epoll), unix.POLLIN, forEpoll
}

// pollRing sends out the requests, waits for at most ms milliseconds and reports
// whether anything came.
func (l *Loop) pollRing(ms int, quietly bool) (bool, error) {
	if err := l.ring.wait(ms, quietly); err != nil {
		return false, err
	}
	l.reap()
	some := len(l.done) > 0
	for i := 0; i < len(l.done); i++ { // the list may grow on the way
		e := l.done[i]
		l.done[i].userData = forNothing
		if err := l.complete(e); err != nil {
			return some, err
		}
	}
	l.done = l.done[:0]
	return some, nil
}

// reap takes the completions that have come. Those of writes are dealt with at
// once; the others are events, which wait for their turn.
func (l *Loop) reap() {
	first := len(l.done)
	l.done = l.ring.reap(l.done)
	for i := first; i < len(l.done); i++ {
		e := &l.done[i]
		if e.userData&purposeMask != forSend {
			continue
		}
		l.ring.send.put(int(e.userData >> bufferShift & bufferMask))
		if c := l.owner(e.userData); c != nil {
			c.sent(*e)
		}
		e.userData = forNothing
	}
}

// complete carries a completion to whom it concerns.
func (l *Loop) complete(e cqe) error {
	switch e.userData & purposeMask {
	case forEpoll:
		_, err := l.pollEpoll(0, true)
		l.watchEpoll()
		return err
	case forData:
		if c := l.owner(e.userData); c != nil {
			c.received(e)
			c.wake()
		} else if e.flags&cqeBuffer != 0 {
			l.ring.receive.put(int(e.flags >> cqeBufferShift))
		}
	case forRoom:
		if c := l.owner(e.userData); c != nil {
			c.uring.polled = false
			c.wake()
		}
	}
	return nil
}
