package config

import "testing"

func TestPatternsMatchAllOfAText(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"get_.*", "get_name", true},
		{"get_.*", "GET_NAME", true},
		{"get_.*", "app.get_name", false},
		{"get|set", "reset", false},
		{"get|set", "get", true},
		{"select.*", "select 1\nfrom t", true},
		{"select", "select 1", false},
	} {
		all, err := Patterns([]string{c.pattern})
		if err != nil || all[0].MatchString(c.text) != c.want {
			t.Errorf("%q, %q: %v", c.pattern, c.text, err)
		}
	}
}
