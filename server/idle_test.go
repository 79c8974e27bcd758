//go:build !race

package server

import (
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// descriptor is a socket in blocking style about which Go keeps no books: what is
// measured is pgherd's.
type descriptor struct {
	net.Conn // nil: only what follows is used
	fd       int
}

func (d descriptor) Read(b []byte) (int, error)       { return unix.Read(d.fd, b) }
func (d descriptor) Write(b []byte) (int, error)      { return unix.Write(d.fd, b) }
func (d descriptor) SetReadDeadline(time.Time) error  { return nil }
func (d descriptor) SetWriteDeadline(time.Time) error { return nil }

func dialDescriptor(t *testing.T, address string) descriptor {
	t.Helper()
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
	}
	if err != nil {
		t.Fatal(err)
	}
	return descriptor{fd: fd}
}

// Ensure that a client that has logged in and is silent costs at most 2 KiB.
func TestIdleClients(t *testing.T) {
	const clients, most = 4000, 2048
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.MaxClients = clients + 10 })
	secret, _ := r.server.users.ServerSecret("bench")
	var keys *wire.ClientKeys
	derive := func(salt []byte, n int) (wire.ClientKeys, error) { // the same for all
		if keys == nil {
			k, err := wire.DeriveKeys(secret, salt, n)
			if err != nil {
				return k, err
			}
			keys = &k
		}
		return *keys, nil
	}
	open := func() int {
		d := dialDescriptor(t, r.addr)
		c := &raw{t: t, conn: d, params: map[string]string{}}
		c.loginWith(derive, "bench", "bench", "application_name", "idle")
		c.do("select 1", "T D:1 C:SELECT_1 Z:I")
		return d.fd
	}
	fds := make([]int, 0, clients+10)
	t.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
	for range 10 { // pools, caches, coroutines
		fds = append(fds, open())
	}
	before := inUse()
	for range clients {
		fds = append(fds, open())
	}
	each := int(inUse()-before) / clients
	t.Logf("%d bytes for each of %d idle clients", each, clients)
	if each > most {
		t.Errorf("%d bytes for each idle client, want %d at most", each, most)
	}
}

// inUse is the memory that Go's objects and stacks take, in bytes.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // what finalizers have let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse + m.MSpanInuse)
}
