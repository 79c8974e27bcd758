package reactor

import (
	"errors"
	"io"
	"iter"
	"time"
)

// ErrTimeout is returned when a deadline passes first.
var ErrTimeout = errors.New("timed out")

// Task is a coroutine of one loop. It is reused for one function after another.
type Task struct {
	loop  *Loop
	next  func() (struct{}, bool) // run until it waits or ends
	stop  func()
	yield func(struct{}) bool
	job   func(*Task)

	queued   bool      // stands in the loop's run queue
	expired  bool      // the deadline of the present Wait has passed
	deadline time.Time // of the present Wait, while index >= 0
	index    int       // place among the loop's timers, -1 for none
}

// stopped unwinds a task whose loop ends.
type stopped struct{}

func newTask(l *Loop) *Task {
	t := &Task{loop: l, index: -1}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		for yield(struct{}{}) {
			t.run()
		}
	})
	t.next()
	return t
}

// run carries out one job and keeps its panic from the loop.
func (t *Task) run() {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				t.loop.panicked(r)
			}
		}
		t.job = nil
		t.loop.retire(t)
	}()
	t.job(t)
}

func (t *Task) begin(job func(*Task)) {
	t.job = job
	t.next()
}

// resume switches to t. Only the loop itself calls it.
func (t *Task) resume() {
	if t.job != nil {
		t.next()
	}
}

// Loop is the loop that t runs on.
func (t *Task) Loop() *Loop { return t.loop }

// Wake has the loop resume t soon. It must be called on t's loop.
func (t *Task) Wake() {
	if !t.queued {
		t.queued = true
		t.loop.runq = append(t.loop.runq, t)
	}
}

// Wait gives way until an event of an attached Conn, a Wake, or the deadline,
// and reports whether the deadline has not passed. The zero deadline never
// passes.
func (t *Task) Wait(deadline time.Time) bool {
	t.expired = false
	if !deadline.IsZero() {
		t.loop.timers.set(t, deadline)
	}
	ok := t.yield(struct{}{})
	if t.index >= 0 {
		t.loop.timers.clear(t)
	}
	if !ok {
		panic(stopped{})
	}
	return !t.expired
}

// GiveWay returns after the loop has looked at what else there is to do. It costs a
// system call.
func (t *Task) GiveWay() {
	over := false
	t.loop.Post(func() {
		over = true
		t.Wake()
	})
	for !over {
		t.Wait(time.Time{})
	}
}

// Await runs f on an ordinary goroutine and returns when it is done. The loop
// waits for f before it ends.
func (t *Task) Await(f func()) {
	done := false
	t.loop.work.Go(func() {
		defer t.loop.Post(func() {
			done = true
			t.Wake()
		})
		f()
	})
	for !done {
		t.Wait(time.Time{})
	}
}

// Read waits for something to read from c, which must be attached to t.
func (t *Task) Read(c *Conn, b []byte, deadline time.Time) (int, error) {
	for {
		if n, err := c.TryRead(b); n > 0 || err != nil {
			return n, err
		}
		if !t.Wait(deadline) {
			return 0, ErrTimeout
		}
	}
}

// ReadFull reads len(b) bytes. io.ErrUnexpectedEOF means that c ended within them.
func (t *Task) ReadFull(c *Conn, b []byte, deadline time.Time) error {
	for done := 0; done < len(b); {
		n, err := t.Read(c, b[done:], deadline)
		if err == io.EOF && done > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		done += n
	}
	return nil
}

// Write writes all of b to c, which must be attached to t, and whatever c owes.
func (t *Task) Write(c *Conn, b []byte, deadline time.Time) error {
	for {
		n, err := c.TryWrite(b)
		if err != nil {
			return err
		}
		if b = b[n:]; len(b) == 0 && !c.owing() {
			return nil
		}
		if !t.Wait(deadline) {
			return ErrTimeout
		}
	}
}
