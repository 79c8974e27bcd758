package reactor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ensure that a connection works on after it has moved to another loop.
func testConnMovesBetweenLoops(t *testing.T, m Method) {
	g := start(t, 2, m, mustPanicNot(t))
	fd, out := pair(t)
	a, b := g.Loops()[0], g.Loops()[1]
	var c *Conn
	on(a, func(task *Task) {
		var err error
		if c, err = a.NewConn(fd); err != nil {
			t.Error(err)
			return
		}
		c.Attach(task)
		c.Idle(nil)
		c.Leave()
	})
	if _, err := out.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	on(b, func(task *Task) {
		if err := c.Join(b); err != nil {
			t.Error(err)
		}
		c.Attach(task)
		buf := make([]byte, 8)
		if n, err := task.Read(c, buf, time.Now().Add(20*time.Second)); n != 1 || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
		c.Close()
	})
}

func testDetachGivesAnOrdinaryConn(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	fd, out := pair(t)
	l := g.Loops()[0]
	got := make(chan net.Conn, 1)
	on(l, func(*Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := c.Detach()
		if err != nil {
			t.Error(err)
		}
		got <- conn
	})
	conn := <-got
	defer conn.Close()
	if _, err := out.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2)
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hi" {
		t.Errorf("got %q, %v", b, err)
	}
	_ = conn.SetReadDeadline(time.Now())
	if _, err := conn.Read(b); !errors.Is(err, unix.EAGAIN) && err == nil {
		t.Error("deadline has no effect")
	}
}

// Ensure that what was written last goes out although no request for data is under way
// when the socket leaves: one that a large read has ended, here.
func testDetachBehindAWrite(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	l := g.Loops()[0]
	fd, out := pair(t)
	got := make(chan string, 1)
	go func() {
		_, _ = out.Write(make([]byte, 3*smallSize))
		b := make([]byte, 3)
		_ = out.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, err := io.ReadFull(out, b)
		got <- fmt.Sprintf("%s %v", b, err)
	}()
	detached := make(chan net.Conn, 1)
	on(l, func(task *Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		c.Attach(task)
		if err := task.ReadFull(c, make([]byte, 3*smallSize), time.Time{}); err != nil {
			t.Error(err)
		}
		for c.uring.input != notAsked {
			task.Wait(time.Now().Add(time.Millisecond))
		}
		if err := task.Write(c, []byte("bye"), time.Time{}); err != nil {
			t.Error(err)
		}
		conn, err := c.Detach()
		if err != nil {
			t.Error(err)
			return
		}
		detached <- conn
	})
	if s := <-got; s != "bye <nil>" {
		t.Errorf("got %s", s)
	}
	(<-detached).Close()
}
