package pgtest

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Leaks fails the test at its end when goroutines that were started since are
// still there some seconds later. Call it first, so that it looks last; not in
// tests that run in parallel.
func Leaks(t testing.TB) {
	t.Helper()
	leaksAfter(t, 5*time.Second)
}

func leaksAfter(t testing.TB, grace time.Duration) {
	before := goroutines()
	t.Cleanup(func() {
		var left map[string]string
		gone := eventually(grace, func() bool {
			left = newSince(before)
			return len(left) == 0
		})
		if gone {
			return
		}
		for _, stack := range left {
			t.Errorf("leaked goroutine:\n%s", stack)
		}
	})
}

func newSince(before map[string]string) map[string]string {
	now := goroutines()
	for id := range before {
		delete(now, id)
	}
	for id, stack := range now {
		if strings.Contains(stack, "pgtest.goroutines(") || strings.Contains(stack, "os/signal.loop") {
			delete(now, id) // this one, and one that never ends
		}
	}
	return now
}

// goroutines maps "goroutine 12" to its stack.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stacks := map[string]string{}
	for _, stack := range strings.Split(string(buf), "\n\n") {
		id, _, _ := strings.Cut(stack, " [")
		stacks[id] = stack
	}
	return stacks
}
