package failover

import "testing"

func TestAcksOf(t *testing.T) {
	for names, want := range map[string]int{
		"": 0, "  ": 0, "*": 1, "a": 1, "a, b": 1, `"2 (b)"`: 1, "first, any": 1,
		"2 (a, b, c)": 2, " FIRST 2(a,b)": 2, "any 1 (a, b)": 1, "ANY\t12 (*)": 12,
	} {
		if got := acksOf(names); got != want {
			t.Errorf("%q: %d, want %d", names, got, want)
		}
	}
}
