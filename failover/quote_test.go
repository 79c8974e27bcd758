package failover

import (
	"strings"
	"testing"
)

func TestQuoteLiteral(t *testing.T) {
	cases := map[string]string{
		``:                  `''`,
		`plain`:             `'plain'`,
		`host='a b'`:        `'host=''a b'''`,
		`password='a\'b\\'`: `E'password=''a\\''b\\\\'''`,
	}
	for in, want := range cases {
		if got := quoteLiteral(in); got != want {
			t.Errorf("quoteLiteral(%q) is %s, want %s", in, got, want)
		}
	}
}

func FuzzQuoteLiteral(f *testing.F) {
	f.Add(`it's`)
	f.Add(`\'; DROP`)
	f.Fuzz(func(t *testing.T, s string) {
		q := quoteLiteral(s)
		body, escaped := strings.CutPrefix(q, "E")
		body = strings.TrimSuffix(strings.TrimPrefix(body, "'"), "'")
		if escaped {
			body = strings.ReplaceAll(body, `\\`, `\`)
		}
		if back := strings.ReplaceAll(body, "''", "'"); back != s {
			t.Errorf("%q is quoted as %s, which reads %q", s, q, back)
		}
	})
}

func TestTimelineOf(t *testing.T) {
	if tli, err := timelineOf("0000001A000000000000000F"); err != nil || tli != 26 {
		t.Errorf("got %d, %v", tli, err)
	}
	for _, bad := range []string{"", "x", "0000000Z000000000000000F"} {
		if _, err := timelineOf(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
