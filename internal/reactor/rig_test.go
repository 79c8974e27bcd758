package reactor

import (
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// methods are those that the kernel offers.
func methods(t *testing.T) map[string]Method {
	rings, err := newRings(1, IOUring)
	if err != nil {
		t.Logf("without io_uring: %v", err)
		return map[string]Method{"epoll": Epoll}
	}
	closeRings(rings)
	return map[string]Method{"epoll": Epoll, "io_uring": IOUring, "auto": Auto, "restless": restless}
}

// restless loops change over between io_uring and epoll at random.
const restless Method = -1

func restlessGroup(t *testing.T, n int, panicked func(any)) (*Group, error) {
	seed := pgtest.Seed(t)
	g, err := NewGroup(n, Auto, panicked)
	if err != nil {
		return nil, err
	}
	for i, l := range g.loops {
		dice := rand.New(rand.NewPCG(seed, uint64(i)))
		l.turnOver = func(int) bool { return dice.IntN(3) == 0 }
	}
	return g, nil
}

// start runs a group for the length of the test and asserts that it ends.
func start(t *testing.T, n int, m Method, panicked func(any)) *Group {
	t.Helper()
	before := runtime.NumGoroutine()
	var g *Group
	var err error
	if m == restless {
		g, err = restlessGroup(t, n, panicked)
	} else {
		g, err = NewGroup(n, m, panicked)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- g.Run() }()
	t.Cleanup(func() {
		g.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		deadline := time.Now().Add(20 * time.Second)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines before, %d after", before, n)
		}
	})
	return g
}

func mustPanicNot(t *testing.T) func(any) {
	return func(r any) { t.Errorf("task panicked: %v", r) }
}

// pair is a connected socket in the reactor and its other end outside.
func pair(t *testing.T) (int, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	out, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	in, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	fd, err := Descriptor(in)
	if err != nil {
		t.Fatal(err)
	}
	return fd, out
}

// on runs f as a task and returns when it has ended.
func on(l *Loop, f func(*Task)) {
	done := make(chan struct{})
	l.Post(func() { l.Go(func(task *Task) { defer close(done); f(task) }) })
	<-done
}
