package pgtest

import "testing"

// Ensure that a seed stays the same unless asked for otherwise.
func TestSeed(t *testing.T) {
	for text, want := range map[string]uint64{"": 1, "0": 0, "18446744073709551615": 1<<64 - 1} {
		if got, err := seedOf(text); got != want || err != nil {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"-1", "Random", "1 2", "18446744073709551616"} {
		if got, err := seedOf(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
	one, _ := seedOf("random")
	two, err := seedOf("random")
	if one == two || err != nil {
		t.Errorf("random: got %d and %d, %v", one, two, err)
	}
}
