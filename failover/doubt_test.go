package failover

import (
	"slices"
	"testing"
	"time"
)

// Ensure that what a standby may have shown is covered when the transactions that
// ran at a look are gone, or when the standby has finished none of them.
func TestDoubt(t *testing.T) {
	var d doubt
	var until time.Time
	look := func(ms int, running ...int64) { d, until = d.look(at(time.Duration(ms)*time.Millisecond), running) }
	expect := func(step string, ms int, due bool) {
		t.Helper()
		want := time.Time{}
		if ms > 0 {
			want = at(time.Duration(ms) * time.Millisecond)
		}
		if !until.Equal(want) || d.due() != due {
			t.Errorf("%s: covered until %v, want %v; due %v, want %v", step, until, want, d.due(), due)
		}
	}
	look(1)
	expect("nothing runs", 1, false)
	look(2, 7, 8)
	expect("two run", 0, false)
	look(3, 8, 9)
	expect("one runs on", 0, true)
	look(4, 9)
	expect("both have gone, another one came later", 2, false)
	look(5, 9)
	expect("which runs on", 0, true)
	d, until = d.answered([]int64{9})
	expect("and was shown by the standby", 0, false)
	look(6, 9, 10)
	expect("it still runs", 0, false)
	look(7, 10)
	expect("it has gone", 4, false)
	look(8, 10)
	d, until = d.answered(nil)
	expect("the standby has not finished what runs", 7, false)
	look(9)
	expect("nothing runs any more", 9, false)
}

// Ensure that transaction ids get their epoch from a neighbour's.
func TestWide(t *testing.T) {
	const epoch = 3 << 32
	near := []int64{epoch + 5, epoch + 5, epoch - 5, epoch - 5}
	xids := []int64{7, 1<<32 - 2, 1<<32 - 7, 3}
	want := []int64{epoch + 7, epoch - 2, epoch - 7, epoch + 3}
	for i := range near {
		xids[i] = wide(xids[i], near[i])
	}
	if !slices.Equal(xids, want) {
		t.Errorf("got %d, want %d", xids, want)
	}
}
