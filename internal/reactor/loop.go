package reactor

import (
	"fmt"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const edges = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// Loop is one event loop. Its methods, but for Post, must be called on it.
type Loop struct {
	index    int
	epoll    int
	eventfd  int
	events   []unix.EpollEvent
	ring     *ring // nil: there is only epoll
	onRing   bool  // it carries the Conns that are active now; else epoll does
	polling  bool  // the ring has a request for epoll under way
	done     []cqe // completions that are not dispatched yet
	serial   uint32
	woken    int                   // Conns that had an event in this turn
	turnOver func(events int) bool // whether to change over between ring and epoll; nil: never
	busy     bool                  // events came within rawPatience of each other
	now      time.Time             // when the present turn began
	conns    []*Conn               // by descriptor
	accepts  map[int]*accepting    // by listening socket
	runq     []*Task
	starts   []starter // idle with something to read already
	timers   timers
	free     []*Task
	live     map[*Task]struct{}
	work     sync.WaitGroup // goroutines of Await
	ended    bool
	panicked func(any)

	mu     sync.Mutex // guards what follows
	posted []func()
	closed bool
}

func newLoop(index int, ring *ring, panicked func(any)) (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	efd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &Loop{index: index, epoll: epoll, eventfd: efd, ring: ring, panicked: panicked,
		events: make([]unix.EpollEvent, 256), accepts: map[int]*accepting{}, live: map[*Task]struct{}{}}
	return l, l.register(efd, unix.EPOLLIN)
}

// Index numbers the loops of a group from 0.
func (l *Loop) Index() int { return l.index }

// Now is when the present turn of the loop began: a clock that costs nothing, and is
// slow by what has been done in the turn so far.
func (l *Loop) Now() time.Time { return l.now }

// Go starts f as a coroutine, at once.
func (l *Loop) Go(f func(*Task)) { l.task().begin(f) }

// Post has f called on the loop, soon. Any goroutine may call it. After the
// loop has ended f is dropped and Post returns false.
func (l *Loop) Post(f func()) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.posted = append(l.posted, f)
	first := len(l.posted) == 1
	l.mu.Unlock()
	if first {
		one := [8]byte{1}
		_, _ = unix.Write(l.eventfd, one[:]) // only fails when it is signalled already
	}
	return true
}

func (l *Loop) register(fd int, flags uint32) error {
	ev := unix.EpollEvent{Events: flags, Fd: int32(fd)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

func (l *Loop) adopt(c *Conn) error {
	for c.fd >= len(l.conns) {
		l.conns = append(l.conns, make([]*Conn, max(64, len(l.conns)))...)
	}
	l.conns[c.fd], c.loop = c, l
	c.enlist()
	if l.onRing && c.readable { // what it brings along comes first
		return nil
	}
	return c.listen()
}

// starter is a Conn whose handler is to be started, by its descriptor: it may have
// gone to another loop by then, and must not be touched here any more.
type starter struct {
	fd int
	c  *Conn
}

// forget unregisters c, which is about to be closed.
func (l *Loop) forget(c *Conn) {
	if c.fd < len(l.conns) && l.conns[c.fd] == c {
		l.conns[c.fd] = nil
	}
}

// leave unregisters c, whose socket lives on.
func (c *Conn) leave() {
	if c.fd < 0 || c.fd >= len(c.loop.conns) || c.loop.conns[c.fd] != c {
		return
	}
	c.unwatch()
	if c.loop.ring != nil {
		c.delist()
	}
	c.loop.forget(c)
	c.starting = false
}

func (l *Loop) startLater(c *Conn) {
	if !c.starting {
		c.starting = true
		l.starts = append(l.starts, starter{c.fd, c})
	}
}

// task takes a coroutine that has nothing to do.
func (l *Loop) task() *Task {
	if n := len(l.free); n > 0 {
		t := l.free[n-1]
		l.free = l.free[:n-1]
		return t
	}
	t := newTask(l)
	l.live[t] = struct{}{}
	return t
}

// retire keeps t for the next job; trim lets go of those beyond need.
func (l *Loop) retire(t *Task) { l.free = append(l.free, t) }

// run turns until the loop has been told to end, then unwinds its tasks.
func (l *Loop) run() error {
	l.now = time.Now()
	err := l.startRing()
	for !l.ended && err == nil {
		err = l.turn()
	}
	l.unwind()
	return err
}

func (l *Loop) turn() error {
	if err := l.poll(); err != nil {
		return err
	}
	l.runReady()
	for len(l.timers) > 0 {
		t := l.timers.expire(l.now)
		if t == nil {
			break
		}
		t.resume()
	}
	l.trim()
	l.adapt()
	return nil
}

// runReady goes on until nobody is left, for those who run may wake others.
func (l *Loop) runReady() {
	for len(l.runq)+len(l.starts) > 0 {
		runq, starts := l.runq, l.starts
		l.runq, l.starts = nil, nil
		for _, t := range runq {
			t.queued = false
			t.resume()
		}
		for _, s := range starts {
			if s.fd < 0 || l.conns[s.fd] != s.c {
				continue
			}
			s.c.starting = false
			if s.c.task == nil && s.c.handler != nil {
				s.c.start()
			}
		}
		l.runq, l.starts = reuse(runq, l.runq), reuse(starts, l.starts)
	}
}

// reuse keeps the array of old for a list that is empty so far.
func reuse[T any](old, now []T) []T {
	if len(now) > 0 {
		return now
	}
	clear(old)
	return old[:0]
}

// poll waits for events and dispatches them. While there are some now and then,
// it waits for them without telling the Go scheduler, which costs more than a
// microsecond each time; that keeps a P, so after a while without an event the
// scheduler hears of it. (The signal with which the runtime stops goroutines for
// garbage collection cuts a wait in the kernel short.)
func (l *Loop) poll() error {
	for l.ring != nil && !l.onRing && l.ring.pending() {
		l.collect()
	}
	if len(l.done) > 0 { // somebody has taken them on the way
		l.now = time.Now()
		return l.completions()
	}
	wait := l.pollEpoll
	if l.onRing {
		wait = l.pollRing
	}
	patience := l.patience()
	if l.busy {
		some, err := wait(int(min(uint(patience), rawPatience)), true)
		if some || err != nil {
			return err
		}
	}
	var err error
	l.busy, err = wait(patience, false)
	return err
}

// pollEpoll waits for at most ms milliseconds and reports whether anything came.
func (l *Loop) pollEpoll(ms int, quietly bool) (bool, error) {
	call := syscall.Syscall6
	if quietly {
		call = syscall.RawSyscall6
	}
	n, _, errno := call(syscall.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), uintptr(ms), 0, 0)
	l.now = time.Now()
	if errno == unix.EINTR {
		return false, nil
	}
	if errno != 0 {
		return false, fmt.Errorf("epoll_wait: %w", errno)
	}
	for _, ev := range l.events[:n] {
		l.dispatch(ev)
	}
	return n > 0, nil
}

// rawPatience is how long a wait may be that the scheduler does not know of, in
// milliseconds. With 1 most waits would have the processor's timer set anew,
// which in a virtual machine costs as much as a third of a statement.
const rawPatience = 20

// patience is how long poll may block, in milliseconds; -1 is for ever.
func (l *Loop) patience() int {
	if len(l.timers) == 0 {
		return -1
	}
	left := time.Until(l.timers[0].deadline)
	return int(max(0, (left+time.Millisecond-1)/time.Millisecond))
}

func (l *Loop) dispatch(ev unix.EpollEvent) {
	fd := int(ev.Fd)
	if fd < len(l.conns) && l.conns[fd] != nil {
		l.woken++
		l.conns[fd].event(ev.Events)
		return
	}
	if fd == l.eventfd {
		l.runPosted()
		l.collect()
		return
	}
	if a := l.accepts[fd]; a != nil {
		l.acceptAll(a)
	}
}

func (l *Loop) runPosted() {
	var count [8]byte
	_, _ = unix.Read(l.eventfd, count[:])
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		f()
	}
}

// trim gives back coroutines beyond what a busy moment is likely to need.
func (l *Loop) trim() {
	for len(l.free) > 256 {
		t := l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
		delete(l.live, t)
		t.stop()
	}
}

// end makes run return after the present turn.
func (l *Loop) end() { l.Post(func() { l.ended = true }) }

// unwind ends all tasks: those that wait see a panic that only run recovers,
// so their deferred calls are carried out.
func (l *Loop) unwind() {
	for t := range l.live {
		t.stop()
	}
	l.work.Wait()
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.runPosted()
	for _, c := range l.conns {
		if c != nil {
			c.Close()
		}
	}
	if l.ring != nil {
		l.ring.close()
	}
	unix.Close(l.epoll)
	unix.Close(l.eventfd)
}
