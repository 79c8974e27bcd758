package config

import "testing"

func TestParseSize(t *testing.T) {
	tests := []struct {
		text string
		want Size
		back string
	}{
		{"0", 0, "0"},
		{"17B", 17, "17B"},
		{"512kB", 512 << 10, "512kB"},
		{"16MB", 16 << 20, "16MB"},
		{"16 mb", 16 << 20, "16MB"},
		{"1024MB", 1 << 30, "1GB"},
		{"3TB", 3 << 40, "3TB"},
		{"1536kB", 1536 << 10, "1536kB"},
	}
	for _, tt := range tests {
		got, err := ParseSize(tt.text)
		if err != nil || got != tt.want || got.String() != tt.back {
			t.Errorf("%s: got %d (%s), %v; want %d (%s)", tt.text, got, got, err, tt.want, tt.back)
		}
	}
}

func TestParseSizeRefuses(t *testing.T) {
	for _, text := range []string{"", "16", "MB", "-1MB", "+1MB", "1.5MB", "16M", "16MiB", "9000000TB", "99999999999999999999B"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}
