package users

import "testing"

// Ensure that a stranger's name neither fills the log nor begins a line in it.
func TestClip(t *testing.T) {
	long := "0123456789012345678901234567890123456789012345678901234567890123456789"
	for name, want := range map[string]string{
		"":                             "",
		"bench":                        "bench",
		"José Ñuñez":                   "José Ñuñez",
		"x\n2026-01-01 [ERROR] pgherd": `x\n2026-01-01 [ERROR] pgherd`,
		"\x1b[2J\r\x00":                `\x1b[2J\r\x00`,
		"\xff\xfe":                     `\xff\xfe`,
		long:                           long[:63] + "...",
	} {
		if got := Clip(name); got != want {
			t.Errorf("Clip(%q) is %q, want %q", name, got, want)
		}
	}
}
