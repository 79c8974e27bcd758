package pgtest

import (
	"testing"

	"golang.org/x/sys/unix"
)

// FreePort is a TCP port of 127.0.0.1 that is kept for the test: until its end
// nobody gets it from the kernel by chance, neither to listen nor to connect from.
// Whoever asks for it by number and with SO_REUSEADDR may listen there, as PostgreSQL,
// sshd and Go's net.Listen do; until then connections are refused.
func FreePort(t testing.TB) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) }) // it was never connected
	port, err := bindAny(fd)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// bindAny binds a socket that never listens, so that others may (socket(7)).
func bindAny(fd int) (port int, err error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return name.(*unix.SockaddrInet4).Port, nil
}
