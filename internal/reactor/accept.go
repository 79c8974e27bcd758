package reactor

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// acceptPause is how long nobody is let in after that has failed: what is missing,
// descriptors mostly, is not there again sooner, and the socket stays readable.
const acceptPause = 100 * time.Millisecond

// accepting is a listening socket.
type accepting struct {
	fd     int
	take   func(fd int)
	failed func(error)
}

// Accept calls take with each new connection of the listening socket fd, which
// stays the caller's to close after Unaccept. When there can't be any for now, failed
// is told, ten times a second, until there are again.
func (l *Loop) Accept(fd int, take func(fd int), failed func(error)) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("listening socket: %w", err)
	}
	l.accepts[fd] = &accepting{fd, take, failed}
	return l.register(fd, unix.EPOLLIN)
}

// Unaccept stops accepting from fd.
func (l *Loop) Unaccept(fd int) {
	delete(l.accepts, fd)
	l.unregister(fd)
}

func (l *Loop) unregister(fd int) { _ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil) }

func (l *Loop) acceptAll(a *accepting) {
	for range 64 { // level-triggered: the rest comes with the next turn
		conn, _, err := unix.Accept4(a.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			a.take(conn)
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			a.failed(err)
			l.Go(func(t *Task) { l.acceptLater(t, a) })
			return
		default: // nobody is left, or whoever it was has gone
			return
		}
	}
}

// acceptLater leaves those who wait where they are, in the kernel's line, for a while.
func (l *Loop) acceptLater(t *Task, a *accepting) {
	l.unregister(a.fd)
	for until := time.Now().Add(acceptPause); t.Wait(until); {
	}
	if l.accepts[a.fd] != a {
		return
	}
	if err := l.register(a.fd, unix.EPOLLIN); err != nil {
		a.failed(err)
	}
}
