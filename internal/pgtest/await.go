package pgtest

import (
	"testing"
	"time"
)

// slowness is how much longer than on a machine of one's own things may take.
const slowness = 4

// Await polls cond until it is true; it ends the test when that takes longer
// than timeout, and on a busy machine four times that. what completes "still
// waiting for ...".
func Await(t testing.TB, timeout time.Duration, what string, cond func() bool) {
	t.Helper()
	if !eventually(timeout, cond) {
		t.Fatalf("after %v still waiting for %s", slowness*timeout, what)
	}
}

// eventually polls often at first, then less.
func eventually(timeout time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(slowness * timeout)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if cond() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pause)
	}
}
