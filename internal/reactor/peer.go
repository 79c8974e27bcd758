package reactor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Local reports whether c is a Unix-domain socket.
func (c *Conn) Local() bool {
	sa, err := unix.Getsockname(c.fd)
	_, local := sa.(*unix.SockaddrUnix)
	return err == nil && local
}

// PeerUID is the user of the process that connected a Unix-domain socket
// (SO_PEERCRED): an error for any other socket.
func (c *Conn) PeerUID() (uint32, error) {
	if !c.Local() {
		return 0, fmt.Errorf("peer's user: not a Unix-domain socket")
	}
	cred, err := unix.GetsockoptUcred(c.fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, fmt.Errorf("peer's user: %w", err)
	}
	return cred.Uid, nil
}
