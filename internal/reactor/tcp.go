package reactor

import (
	"time"

	"golang.org/x/sys/unix"
)

// TCP is how long a silent peer is believed in (tcp(7)). Zero leaves the
// kernel's value.
type TCP struct {
	KeepAlive   bool
	KeepIdle    time.Duration // silence before the first probe
	KeepIntvl   time.Duration // between probes
	KeepCnt     int           // probes without an answer
	UserTimeout time.Duration // what was sent may stay unacknowledged
}

// Apply sets up a socket; on one that is not TCP it does nothing.
func (t TCP) Apply(fd int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, number(t.KeepAlive))
	for _, o := range [...]struct{ name, value int }{
		{unix.TCP_KEEPIDLE, int(t.KeepIdle / time.Second)},
		{unix.TCP_KEEPINTVL, int(t.KeepIntvl / time.Second)},
		{unix.TCP_KEEPCNT, t.KeepCnt},
		{unix.TCP_USER_TIMEOUT, int(t.UserTimeout / time.Millisecond)},
	} {
		if o.value > 0 {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, o.name, o.value)
		}
	}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
