package recovery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

func TestMeter(t *testing.T) {
	start := time.Unix(1000, 0)
	m := meter{began: start}
	steps := []struct {
		after time.Duration
		done  int64
		tell  bool
		rate  float64
	}{
		{500 * time.Millisecond, 50, true, 100}, // the first
		{900 * time.Millisecond, 90, false, 100},
		{1500 * time.Millisecond, 300, true, 200},
		{1600 * time.Millisecond, 1000, true, 625}, // the last
	}
	for _, s := range steps {
		if got := m.observe(s.done, 1000, start.Add(s.after)); got != s.tell {
			t.Errorf("after %v: tell = %v, want %v", s.after, got, s.tell)
		}
		if m.rate != s.rate {
			t.Errorf("after %v: rate = %v, want %v", s.after, m.rate, s.rate)
		}
	}
}

func TestMeterDescribes(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		done, total int64
		want        string
	}{
		{0, 100 << 20, "0 bytes of 100 MB"},
		{40 << 20, 100 << 20, "40 MB of 100 MB, 20 MB/s, 3s left"},
		{100 << 20, 100 << 20, "100 MB of 100 MB, 50 MB/s"},
		{110 << 20, 100 << 20, "110 MB of 100 MB, 55 MB/s"},
		{1 << 30, 1<<30 + 1, "1024 MB of 1024 MB, 512 MB/s, 1s left"},
		{200 << 20, 1 << 40, "200 MB of 1024 GB, 100 MB/s, 2h54m44s left"},
	} {
		m := meter{began: start}
		m.observe(c.done, c.total, start.Add(2*time.Second))
		if got := m.describe(c.done, c.total); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.done, c.total, got, c.want)
		}
	}
}

func TestPatience(t *testing.T) {
	start := time.Unix(1000, 0)
	p := patience{timeout: 10 * time.Second, moved: start}
	looks := []struct {
		after  time.Duration
		at     cluster.LSN
		giveUp bool
	}{
		{9 * time.Second, 0, false},
		{9 * time.Second, 5, false}, // moved
		{18 * time.Second, 5, false},
		{19 * time.Second, 5, true},
		{40 * time.Second, 6, false}, // moved after all
	}
	for _, l := range looks {
		if err := p.watch(l.at, start.Add(l.after)); (err != nil) != l.giveUp {
			t.Errorf("after %v at %v: %v, want to give up: %v", l.after, l.at, err, l.giveUp)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 10239: "10239 bytes", 10240: "10 kB", 31 << 20: "31 MB", 5 << 40: "5120 GB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestStepsAndErrorsHaveNames(t *testing.T) {
	for s := StepPreflight; s <= StepDone; s++ {
		if s.String() == "" {
			t.Errorf("step %d has no name", s)
		}
	}
	failed := &StepError{Node: 1, Step: StepStart, Err: errors.New("boom"), Left: "kept as /d.old-1"}
	for _, part := range []string{"node 1", "step start", "boom", "/d.old-1"} {
		if !strings.Contains(failed.Error(), part) {
			t.Errorf("%q lacks %q", failed, part)
		}
	}
	cancelled := &StepError{Node: 1, Step: StepBackup, Err: ErrClosed, Left: "as it was"}
	if failed.SQLState() != "55000" || cancelled.SQLState() != "57014" {
		t.Errorf("SQLSTATEs %s and %s, want 55000 and 57014", failed.SQLState(), cancelled.SQLState())
	}
}

// Replay goes on behind the goal, and the progress ends there.
func TestWayTo(t *testing.T) {
	for at, want := range map[cluster.LSN]int64{0x100: 0, 0x180: 0x80, 0x300: 0x100} {
		if done, total := wayTo(0x200, 0x100, at); done != want || total != 0x100 {
			t.Errorf("at %s: %d of %d, want %d", at, done, total, want)
		}
	}
}
