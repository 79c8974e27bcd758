package reactor

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// Method is how loops hear of their sockets.
type Method int

const (
	Auto    Method = iota // io_uring while there is much to do, if the kernel has it for us; else epoll
	IOUring               // always (Linux 6.1)
	Epoll
)

// String is the word for it.
func (m Method) String() string { return [...]string{"auto", "io_uring", "epoll"}[m] }

// Group is a fixed number of loops.
type Group struct {
	loops []*Loop
	next  atomic.Uint32
}

// NewGroup makes n loops. panicked is told of a panic in a task, on its loop;
// the task ends, the loop goes on. It raises GOMAXPROCS: a busy loop keeps a P.
func NewGroup(n int, method Method, panicked func(any)) (*Group, error) {
	rings, err := newRings(n, method)
	if err != nil {
		return nil, err
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), runtime.NumCPU()+n))
	g := &Group{}
	for i := range n {
		l, err := newLoop(i, rings[i], panicked)
		if err != nil {
			return nil, err
		}
		if l.onRing = method == IOUring; method == Auto && rings[i] != nil {
			l.turnOver = new(pace).note
		}
		g.loops = append(g.loops, l)
	}
	return g, nil
}

// newRings makes a ring for each loop; none for any of them if they use epoll.
func newRings(n int, method Method) ([]*ring, error) {
	rings := make([]*ring, n)
	if method == Epoll {
		return rings, nil
	}
	for i := range rings {
		var err error
		if rings[i], err = newRing(); err != nil {
			closeRings(rings[:i])
			clear(rings)
			if method == IOUring {
				return nil, err
			}
			return rings, nil
		}
	}
	return rings, nil
}

func closeRings(rings []*ring) {
	for _, r := range rings {
		r.close()
	}
}

// Method is what the loops use: Auto is both.
func (g *Group) Method() Method {
	switch l := g.loops[0]; {
	case l.ring == nil:
		return Epoll
	case l.turnOver != nil:
		return Auto
	}
	return IOUring
}

// Loops are all loops, by index.
func (g *Group) Loops() []*Loop { return g.loops }

// Next picks a loop for a new connection, in turn.
func (g *Group) Next() *Loop { return g.loops[int(g.next.Add(1)-1)%len(g.loops)] }

// Run runs the loops until Stop, or until one fails; then all have ended.
func (g *Group) Run() error {
	var wg sync.WaitGroup
	errs := make([]error, len(g.loops))
	for i, l := range g.loops {
		wg.Go(func() {
			runtime.LockOSThread()
			errs[i] = l.run()
			g.Stop()
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Stop ends the loops: tasks that wait are unwound, their deferred calls run.
// It returns at once; Run returns when all is done.
func (g *Group) Stop() {
	for _, l := range g.loops {
		l.end()
	}
}
