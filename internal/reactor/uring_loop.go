package reactor

import (
	"time"

	"golang.org/x/sys/unix"
)

// watchEpoll has a completion tell of epoll's events.
func (l *Loop) watchEpoll() {
	if l.polling {
		return
	}
	l.polling = true
	e := l.ring.request()
	e.opcode, e.fd, e.opFlags, e.userData = opPollAdd, int32(l.epoll), unix.POLLIN, forEpoll
}

// pollRing sends out the requests, waits for at most ms milliseconds and reports
// whether anything came.
func (l *Loop) pollRing(ms int, quietly bool) (bool, error) {
	if err := l.ring.wait(ms, quietly); err != nil {
		return false, err
	}
	l.now = time.Now()
	some := l.ring.come()
	return some, l.completions()
}

// completions deals with the completions that have come.
func (l *Loop) completions() error {
	l.reap()
	for i := 0; i < len(l.done); i++ { // the list may grow on the way
		e := l.done[i]
		l.done[i].userData = forNothing
		if err := l.complete(e); err != nil {
			return err
		}
	}
	l.done = l.done[:0]
	return nil
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
		l.polling = false
		if !l.onRing {
			return nil
		}
		_, err := l.pollEpoll(0, true)
		l.watchEpoll()
		return err
	case forData:
		if c := l.owner(e.userData); c != nil {
			l.woken++
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
