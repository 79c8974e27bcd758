package reactor

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Descriptor takes the socket out of conn, a connection or listener of package
// net, and closes conn. The descriptor is the caller's.
func Descriptor(conn interface{ Close() error }) (int, error) {
	defer conn.Close()
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("%T has no socket", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	fd, dupErr := -1, error(nil)
	err = raw.Control(func(p uintptr) { fd, dupErr = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(err, dupErr); err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	return fd, nil
}

// NoDelay turns Nagle's algorithm off; a Unix socket has none.
func NoDelay(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }
