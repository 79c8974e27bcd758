package reactor

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ensure that a loop without descriptors waits for some instead of trying again and
// again, and that those who came meanwhile are let in then.
func TestAcceptWithoutDescriptors(t *testing.T) {
	for name, method := range methods(t) {
		t.Run(name, func(t *testing.T) { acceptStarved(t, method) })
	}
}

func acceptStarved(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	fd, err := Descriptor(ln)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var failures atomic.Int32
	accepted := make(chan int, 1)
	on(l, func(*Task) {
		err = l.Accept(fd, func(c int) { accepted <- c }, func(err error) {
			if !errors.Is(err, unix.EMFILE) {
				t.Errorf("failed with %v", err)
			}
			failures.Add(1)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	feed := takeDescriptors(t, 1)
	began := time.Now()
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for failures.Load() < 6 {
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(began); took < 4*acceptPause {
		t.Errorf("six attempts within %v", took)
	}
	feed()
	select {
	case c := <-accepted:
		unix.Close(c)
	case <-time.After(20 * time.Second):
		t.Error("not let in")
	}
	on(l, func(*Task) { l.Unaccept(fd) })
}

// takeDescriptors opens whatever may still be opened, but for spare ones.
func takeDescriptors(t *testing.T, spare int) (feed func()) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 256, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	give := func(files []*os.File) {
		for _, f := range files {
			f.Close()
		}
	}
	give(taken[:spare])
	return func() {
		give(taken[spare:])
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}
}
