package config

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"listen", "pool", "log", "loops"}
	tests := []struct{ name, want string }{
		{"poool", "pool"}, {"loop", "loops"}, {"lsten", "listen"}, {"opol", "pool"}, {"consistency", ""}, {"x", ""},
	}
	for _, tt := range tests {
		if got, _ := nearest(tt.name, known); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
