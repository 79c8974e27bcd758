package cluster

import (
	"slices"
	"testing"
)

func TestParseHistory(t *testing.T) {
	got, err := ParseHistory("1\t0/250\tno recovery target specified\n\n# a comment\n2\t0/300\tx # y\n")
	if want := []Ancestor{{1, 0x250}, {2, 0x300}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"1", "x 0/1", "1 0", "2 0/1\n1 0/2", "1 0/2\n2 0/1"} {
		if _, err := ParseHistory(bad); err == nil {
			t.Errorf("the history %q is accepted", bad)
		}
	}
}

func FuzzParseHistory(f *testing.F) {
	f.Add("1\t0/250\tno recovery target specified\n# comment\n2\t0/300\n")
	f.Fuzz(func(t *testing.T, content string) {
		all, err := ParseHistory(content)
		for i, a := range all {
			if err == nil && (a.Timeline == 0 || i > 0 && a.Timeline <= all[i-1].Timeline) {
				t.Errorf("%q: %+v", content, all)
			}
		}
	})
}
