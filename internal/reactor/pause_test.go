package reactor

import (
	"io"
	"net"
	"testing"
	"time"
)

// Ensure that nothing is read from a paused connection, neither what has come
// before nor its end, that what is written to it arrives, and that nothing is lost.
func testPause(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	fd, out := pair(t)
	l := g.Loops()[0]
	on(l, func(task *Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		c.Attach(task)
		send(t, out, "one")
		for !c.Readable() {
			task.Wait(time.Time{})
		}
		c.Pause()
		send(t, out, "two")
		_ = out.(*net.TCPConn).CloseWrite()
		writeWhilePaused(t, task, c, out)
		if n, err := c.TryRead(make([]byte, 8)); n != 0 || err != nil || c.Readable() || c.Hung() {
			t.Errorf("paused: read %d, %v", n, err)
		}
		c.Resume()
		readToEnd(t, task, c, "onetwo")
	})
}

func send(t *testing.T, to io.Writer, text string) {
	if _, err := io.WriteString(to, text); err != nil {
		t.Error(err)
	}
}

// writeWhilePaused writes more than the socket holds, to a peer that reads late.
func writeWhilePaused(t *testing.T, task *Task, c *Conn, out io.Reader) {
	const size = 16 << 20
	sum := make(chan int64, 1)
	go func() {
		time.Sleep(20 * time.Millisecond)
		n, _ := io.CopyN(io.Discard, out, size)
		sum <- n
	}()
	if err := task.Write(c, make([]byte, size), time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	task.Await(func() {
		if n := <-sum; n != size {
			t.Errorf("%d bytes arrived", n)
		}
	})
}

func readToEnd(t *testing.T, task *Task, c *Conn, want string) {
	b, got := make([]byte, 8), ""
	for {
		n, err := task.Read(c, b, time.Now().Add(20*time.Second))
		got += string(b[:n])
		if err != nil {
			if err != io.EOF || got != want {
				t.Errorf("read %q, %v", got, err)
			}
			return
		}
	}
}

// Ensure that an idle connection's handler is started by what came during a pause,
// and by what comes after one in which nothing came.
func testPauseOfIdleConn(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	l := g.Loops()[0]
	fd, out := pair(t)
	var c *Conn
	var echo func(*Task)
	echo = func(task *Task) {
		b := make([]byte, 8)
		n, err := c.TryRead(b)
		_, _ = c.TryWrite(b[:n])
		if c.Idle(echo); err != nil {
			c.Close()
		}
	}
	on(l, func(*Task) { c, _ = l.NewConn(fd); c.Idle(echo) })
	expectEcho := func(text string) {
		b := make([]byte, len(text))
		_ = out.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadFull(out, b); err != nil || string(b) != text {
			t.Errorf("%q came back, %v; want %q", b, err, text)
		}
	}
	for _, during := range []string{"", "abc", "", "def"} {
		send(t, out, "x")
		expectEcho("x")
		on(l, func(*Task) { c.Pause() })
		send(t, out, during)
		_ = out.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		if n, err := out.Read(make([]byte, 1)); n != 0 {
			t.Errorf("answered during the pause: %d, %v", n, err)
		}
		on(l, func(*Task) { c.Resume() })
		expectEcho(during)
	}
}
