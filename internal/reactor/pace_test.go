package reactor

import "testing"

// Ensure that a crowd makes a loop busy, that few make it calm again, and that
// what lies between changes nothing.
func TestPace(t *testing.T) {
	p := new(pace)
	steps := []struct {
		events, turns int
		busy          bool
	}{
		{1, 1000, false}, {2, 1000, false}, {8, 3, false}, {8, 500, true},
		{2, 20, true}, {3, 1000, true}, {1, 1000, false}, {2, 1000, false},
	}
	for i, s := range steps {
		changes := 0
		for range s.turns {
			if p.note(s.events) {
				changes++
			}
		}
		if p.busy != s.busy || changes > 1 {
			t.Errorf("step %d: busy is %v after %d changes", i, p.busy, changes)
		}
	}
}
