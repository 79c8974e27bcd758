package failover

import (
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/report"
)

// Ensure that a check is a probe with its repetitions.
func TestHealth(t *testing.T) {
	var h health
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	probe := func(o Outcome, took time.Duration) {
		h.note(Report{Began: at, Outcome: o}, at.Add(took), 2)
		at = at.Add(took)
	}
	probe(Alive, 3*time.Millisecond)
	probe(Silent, 5*time.Millisecond) // forgiven
	probe(Refused, time.Millisecond)  // forgiven
	probe(Rejected, 4*time.Millisecond)
	ok := at
	for range 4 { // a check with its two repetitions, and the first of another
		probe(Refused, time.Millisecond)
	}
	failed := at.Add(-time.Millisecond)
	want := report.Health{Total: 3, Success: 2, Fail: 1, Retries: 4, MostRetries: 2, Longest: 10 * time.Millisecond,
		Shortest: 3 * time.Millisecond, Sum: 16 * time.Millisecond, Last: failed, LastSuccess: ok, LastFail: failed}
	if h.sums != want {
		t.Errorf("got  %+v\nwant %+v", h.sums, want)
	}
}
