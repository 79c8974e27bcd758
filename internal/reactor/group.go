package reactor

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// Group is a fixed number of loops.
type Group struct {
	loops []*Loop
	next  atomic.Uint32
}

// NewGroup makes n loops. panicked is told of a panic in a task, on its loop;
// the task ends, the loop goes on.
func NewGroup(n int, panicked func(any)) (*Group, error) {
	g := &Group{}
	for i := range n {
		l, err := newLoop(i, panicked)
		if err != nil {
			return nil, err
		}
		g.loops = append(g.loops, l)
	}
	return g, nil
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
