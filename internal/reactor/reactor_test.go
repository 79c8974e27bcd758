package reactor

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ensure all of this for every way in which a loop can hear of its sockets.
func TestLoops(t *testing.T) {
	tests := []struct {
		name string
		test func(*testing.T, Method)
	}{
		{"IdleConnStartsItsHandler", testIdleConnStartsItsHandler},
		{"EndOfStreamBehindData", testEndOfStreamBehindData},
		{"Reset", testReset},
		{"WriteWaitsForRoom", testWriteWaitsForRoom},
		{"AwaitLetsOthersRun", testAwaitLetsOthersRun},
		{"DeadlinesPassInOrder", testDeadlinesPassInOrder},
		{"WakeClearsDeadline", testWakeClearsDeadline},
		{"PanicEndsTheTaskOnly", testPanicEndsTheTaskOnly},
		{"StopUnwinds", testStopUnwinds},
		{"ConnMovesBetweenLoops", testConnMovesBetweenLoops},
		{"Pause", testPause},
		{"PauseOfIdleConn", testPauseOfIdleConn},
		{"DetachGivesAnOrdinaryConn", testDetachGivesAnOrdinaryConn},
		{"DetachBehindAWrite", testDetachBehindAWrite},
		{"SteadyTurnsDoNotAllocate", testSteadyTurnsDoNotAllocate},
		{"EncryptedEcho", testEncryptedEcho},
		{"PlaintextInsideTheLayer", testPlaintextInsideTheLayer},
		{"FullSocketUnderTheLayer", testFullSocketUnderTheLayer},
		{"Handshakes", testHandshakes},
		{"SecureTakesOverADial", testSecureTakesOverADial},
		{"DetachKeepsTheLayer", testDetachKeepsTheLayer},
		{"KeyUpdates", testKeyUpdates},
	}
	for name, m := range methods(t) {
		for _, c := range tests {
			t.Run(name+"/"+c.name, func(t *testing.T) { c.test(t, m) })
		}
	}
}

// Ensure that an idle connection's handler runs for each burst, without a
// coroutine in between, and that more than a buffer full is not left behind.
func testIdleConnStartsItsHandler(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	fd, out := pair(t)
	l := g.Loops()[0]
	var turns atomic.Int32
	on(l, func(*Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		var echo func(*Task)
		echo = func(task *Task) {
			turns.Add(1)
			b := make([]byte, 3)
			n, err := task.Read(c, b, time.Time{})
			if err != nil {
				c.Close()
				return
			}
			if err := task.Write(c, b[:n], time.Time{}); err != nil {
				t.Error(err)
			}
			c.Idle(echo)
		}
		c.Idle(echo)
	})
	for _, word := range []string{"ab", "abcdefghij"} {
		if _, err := out.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(word))
		if _, err := io.ReadFull(out, got); err != nil || string(got) != word {
			t.Fatalf("got %q, %v; want %q", got, err, word)
		}
	}
	if n := turns.Load(); n < 5 {
		t.Errorf("%d turns, want at least 5", n)
	}
}

// Ensure that data and the end of the stream that arrive together are both seen.
func testEndOfStreamBehindData(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	fd, out := pair(t)
	if _, err := out.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	out.Close()
	l := g.Loops()[0]
	on(l, func(task *Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		c.Attach(task)
		b := make([]byte, 64)
		n, err := task.Read(c, b, time.Time{})
		if err != nil || string(b[:n]) != "last" {
			t.Errorf("got %q, %v", b[:n], err)
		}
		if _, err := task.Read(c, b, time.Now().Add(20*time.Second)); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
	})
}

// Ensure that a connection that was reset does not look like one that was closed.
func testReset(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	fd, out := pair(t)
	l := g.Loops()[0]
	done := make(chan error, 1)
	l.Post(func() {
		l.Go(func(task *Task) {
			c, err := l.NewConn(fd)
			if err != nil {
				done <- err
				return
			}
			c.Attach(task)
			_, err = task.Read(c, make([]byte, 8), time.Now().Add(20*time.Second))
			c.Close()
			done <- err
		})
	})
	on(l, func(*Task) {})
	_ = out.(*net.TCPConn).SetLinger(0)
	out.Close()
	if err := <-done; !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

// Ensure that a write larger than the socket's buffers waits for the reader.
func testWriteWaitsForRoom(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	fd, out := pair(t)
	l := g.Loops()[0]
	const size = 16 << 20
	sum := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, out)
		sum <- n
	}()
	on(l, func(task *Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		c.Attach(task)
		if err := task.Write(c, make([]byte, size), time.Time{}); err != nil {
			t.Error(err)
		}
		c.Close()
	})
	if n := <-sum; n != size {
		t.Errorf("%d bytes arrived, want %d", n, size)
	}
}

func testAwaitLetsOthersRun(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	l := g.Loops()[0]
	gate := make(chan struct{})
	var order []string
	done := make(chan struct{})
	l.Post(func() {
		l.Go(func(task *Task) {
			task.Await(func() { <-gate })
			order = append(order, "awaited")
			close(done)
		})
		l.Go(func(*Task) {
			order = append(order, "other")
			close(gate)
		})
	})
	<-done
	if got := strings.Join(order, " "); got != "other awaited" {
		t.Errorf("order: %s", got)
	}
}

func testDeadlinesPassInOrder(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	l := g.Loops()[0]
	got := make(chan int, 3)
	l.Post(func() {
		now := time.Now()
		for _, ms := range []int{90, 30, 60} {
			l.Go(func(task *Task) {
				if task.Wait(now.Add(time.Duration(ms) * time.Millisecond)) {
					t.Error("woken before the deadline")
				}
				got <- ms
			})
		}
	})
	for _, want := range []int{30, 60, 90} {
		if ms := <-got; ms != want {
			t.Errorf("got %d, want %d", ms, want)
		}
	}
}

// Ensure that a task which is woken gives up its deadline.
func testWakeClearsDeadline(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	l := g.Loops()[0]
	on(l, func(task *Task) {
		l.Go(func(*Task) { task.Wake() })
		if !task.Wait(time.Now().Add(time.Hour)) {
			t.Error("deadline passed")
		}
		if len(l.timers) != 0 {
			t.Errorf("%d timers left", len(l.timers))
		}
	})
}

func testPanicEndsTheTaskOnly(t *testing.T, m Method) {
	var seen atomic.Value
	g := start(t, 1, m, func(r any) { seen.Store(r) })
	l := g.Loops()[0]
	on(l, func(*Task) { panic("oops") })
	on(l, func(*Task) {})
	if seen.Load() != "oops" {
		t.Errorf("saw %v", seen.Load())
	}
}

// Ensure that Stop unwinds a task that waits, with its deferred calls.
func testStopUnwinds(t *testing.T, m Method) {
	g, err := NewGroup(1, m, mustPanicNot(t))
	if err != nil {
		t.Fatal(err)
	}
	l := g.Loops()[0]
	waiting, unwound := make(chan struct{}), make(chan struct{})
	l.Post(func() {
		l.Go(func(task *Task) {
			defer close(unwound)
			close(waiting)
			task.Wait(time.Time{})
			t.Error("went on")
		})
	})
	done := make(chan error, 1)
	go func() { done <- g.Run() }()
	<-waiting
	g.Stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-unwound
	if l.Post(func() {}) {
		t.Error("Post after the end was taken")
	}
}

// Ensure that a turn of the loop (event, coroutine, read, write) allocates nothing.
func testSteadyTurnsDoNotAllocate(t *testing.T, m Method) {
	g := start(t, 1, m, mustPanicNot(t))
	fd, out := pair(t)
	l := g.Loops()[0]
	on(l, func(*Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		b := make([]byte, 64)
		var echo func(*Task)
		echo = func(task *Task) {
			n, err := task.Read(c, b, time.Time{})
			if err != nil {
				c.Close()
				return
			}
			_, _ = c.TryWrite(b[:n])
			c.Idle(echo)
		}
		c.Idle(echo)
	})
	b := make([]byte, 16)
	ping := func() {
		if _, err := out.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, b); err != nil {
			t.Fatal(err)
		}
	}
	ping()
	if n := testing.AllocsPerRun(100, ping); n > 0 { // with one P, which each turn waits for
		t.Errorf("%v allocations a turn", n)
	}
}
