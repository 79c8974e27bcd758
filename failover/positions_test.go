package failover

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

var epochStart = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return epochStart.Add(d) }

func TestPrimaryDue(t *testing.T) {
	last := pace{last: at(0)}
	cases := []struct {
		name   string
		pace   pace
		needed time.Time
		want   time.Duration
	}{
		{"nobody ever needed one", last, time.Time{}, idlePoll},
		{"the last one serves", last, at(0), idlePoll},
		{"a younger one is needed", last, at(time.Microsecond), needPoll},
		{"after an error", pace{last: at(0), failed: true}, at(time.Second), failedPoll},
	}
	for _, c := range cases {
		if got := c.pace.primaryDue(c.needed); !got.Equal(at(c.want)) {
			t.Errorf("%s: due after %v, want %v", c.name, got.Sub(epochStart), c.want)
		}
	}
}

func TestStandbyDue(t *testing.T) {
	p := pace{}.polled(at(0), 100, 100)
	if got := p.standbyDue(100, at(0)); !got.Equal(at(idlePoll)) {
		t.Errorf("caught up: due %v", got)
	}
	if got := p.standbyDue(200, at(0)); !got.Equal(at(needPoll)) {
		t.Errorf("behind after a rest: due %v", got)
	}
	if got := p.standbyDue(200, at(-needLasts)); !got.Equal(at(idlePoll)) {
		t.Errorf("behind, and nobody cares: due %v", got)
	}
	var gaps []time.Duration
	for now := at(0); len(gaps) < 9; {
		p = p.polled(now, 100, 200)
		next := p.standbyDue(200, now)
		gaps = append(gaps, next.Sub(now))
		now = next
	}
	if gaps[0] != 2*needPoll || gaps[8] != slowPoll {
		t.Errorf("gaps of a standby that stands still: %v", gaps)
	}
	if p = p.polled(at(time.Second), 150, 200); p.still != 0 {
		t.Errorf("it moved and is still taken as standing (%d)", p.still)
	}
}

// A second in which somebody needs a position every 100 us must not cost more
// than a poll per millisecond, and an idle second only one.
func TestPollsPerSecond(t *testing.T) {
	busy, idle := 0, 0
	p, q := pace{last: at(0)}, pace{last: at(0)}
	for now := time.Duration(0); now <= time.Second; now += 100 * time.Microsecond {
		if !p.primaryDue(at(now)).After(at(now)) {
			p, busy = p.polled(at(now), 1, 1), busy+1
		}
		if !q.primaryDue(time.Time{}).After(at(now)) {
			q, idle = q.polled(at(now), 1, 1), idle+1
		}
	}
	if busy < 900 || busy > 1001 || idle != 1 {
		t.Errorf("polls: %d busy, %d idle", busy, idle)
	}
}

// Ensure that a standby is as late as the primary is known to be beyond it.
func TestLag(t *testing.T) {
	var h history
	if got := h.lag(at(time.Second), 5); got != 0 {
		t.Errorf("without a history: %v", got)
	}
	const samples = historySize + 2000
	for i := range samples {
		h.add(at(time.Duration(i)*historyGap), cluster.LSN(i*10))
	}
	newest, end := at((samples-1)*historyGap), cluster.LSN((samples-1)*10)
	cases := []struct {
		lsn  cluster.LSN
		want time.Duration
	}{
		{end, 0},
		{end + 1000, 0},
		{end - 1, 0}, // since just now
		{end - 10, 0},
		{end - 11, historyGap},
		{end - 1000, 99 * historyGap},
		{0, (historySize - 1) * historyGap}, // as far back as is known
	}
	for _, c := range cases {
		if got := h.lag(newest, c.lsn); got != c.want {
			t.Errorf("lag at %d is %v, want %v", c.lsn, got, c.want)
		}
	}
	h.add(newest.Add(time.Minute), end) // idle: nothing new to be late with
	if got := h.lag(newest.Add(time.Minute), end); got != 0 {
		t.Errorf("lag at the end of an idle primary's log is %v", got)
	}
	if got := h.lag(newest.Add(time.Minute), end-10); got != time.Minute {
		t.Errorf("lag behind an idle primary is %v", got)
	}
}
