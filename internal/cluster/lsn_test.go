package cluster

import "testing"

func TestLSN(t *testing.T) {
	for text, want := range map[string]LSN{
		"0/0": 0, "0/3000060": 0x3000060, "1/0": 1 << 32, "16/B374D848": 0x16B374D848, "FFFFFFFF/FFFFFFFF": MaxLSN,
	} {
		if got, err := ParseLSN(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s is read as %d, %v and written as %s", text, got, err, got)
		}
	}
	if got, err := ParseLSN("a/0000000b"); err != nil || got.String() != "A/B" {
		t.Errorf("small letters and zeros: %v, %v", got, err)
	}
	for _, bad := range []string{"", "/", "0", "0/", "/0", "0/0/0", "-1/0", "0/+1", "0x1/0", "1_0/0", " 0/0", "100000000/0", "0/100000000", "g/0"} {
		if got, err := ParseLSN(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

func TestLSNSub(t *testing.T) {
	for _, c := range []struct {
		a, b LSN
		want uint64
	}{{5, 3, 2}, {3, 5, 0}, {3, 3, 0}, {MaxLSN, 0, 1<<64 - 1}, {0, MaxLSN, 0}} {
		if got := c.a.Sub(c.b); got != c.want {
			t.Errorf("%v - %v = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func FuzzParseLSN(f *testing.F) {
	f.Add("16/B374D848")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLSN(s)
		if err != nil {
			return
		}
		if again, err := ParseLSN(l.String()); err != nil || again != l {
			t.Errorf("%q is read as %v, and that as %v, %v", s, l, again, err)
		}
	})
}
