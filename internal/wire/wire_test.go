package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestPeek(t *testing.T) {
	for _, c := range []struct {
		in   string
		size int
	}{
		{"", 0}, {"Q\x00\x00\x00", 0}, {"Q\x00\x00\x00\x04", 5}, {"S\x00\x00\x00\x0axx", 11},
		{"Q\x00\x00\x00\x03", -1}, {"Q\xff\xff\xff\xff", -1}, {"Q\x40\x00\x00\x01", -1},
	} {
		if _, size := Peek([]byte(c.in)); size != c.size {
			t.Errorf("Peek(%q) = %d, want %d", c.in, size, c.size)
		}
	}
}

func TestErrorRoundTrip(t *testing.T) {
	in := &Error{Severity: "FATAL", Code: "57P01", Message: "bye", Detail: "d", Hint: "h", Position: 12}
	frame := AppendError(nil, in)
	if _, size := Peek(frame); size != len(frame) {
		t.Fatalf("frame of %d bytes says %d", len(frame), size)
	}
	if out := ParseError(frame[HeaderLen:]); *out != *in {
		t.Errorf("got %+v, want %+v", out, in)
	}
}

// Ensure that a server may leave out every field of an error.
func TestParseErrorWithoutFields(t *testing.T) {
	for _, body := range []string{"", "\x00", "M", "Mabc", "Cxyz\x00M"} {
		if e := ParseError([]byte(body)); e.Code == "" || e.Severity == "" {
			t.Errorf("%q: %+v", body, e)
		}
	}
}

func TestStartup(t *testing.T) {
	b := AppendStartup(nil, "user", "bob", "_pq_.x", "1", "database", "db")
	if n, err := StartupLen(b); err != nil || n != len(b) {
		t.Fatalf("length %d, %v", n, err)
	}
	s, err := ParseStartup(b)
	if err != nil || s.Params["user"] != "bob" || s.Params["database"] != "db" || len(s.Unknown) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{
		"\x00\x00\x00\x09\x00\x03\x00\x00u", "\x00\x00\x00\x0b\x00\x03\x00\x00a\x00b",
		"\x00\x00\x00\x08\x00\x02\x00\x00", "\x00\x00\x00\x09\x04\xd2\x16\x2fx", "\x00\x00\x00\x0c\x04\xd2\x16\x2eaaaa",
	} {
		if _, err := ParseStartup([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		asked, speak uint32
		unknown      []string
		tell         bool
	}{
		{Version30, Version30, nil, false},
		{Version32, Version32, nil, false},
		{Version30 + 1, Version30, nil, true},
		{3<<16 | 9999, Version32, nil, true},
		{Version30, Version30, []string{"_pq_.x"}, true},
	} {
		v, tell := Startup{Code: c.asked, Unknown: c.unknown}.Negotiate()
		if v != c.speak || tell != c.tell {
			t.Errorf("%x: got %x %v", c.asked, v, tell)
		}
	}
}

// Ensure that our two sides agree, and that a wrong password fails.
func TestScramBothSides(t *testing.T) {
	v, err := NewVerifier("sécret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exchange(v, "sécret"); err != nil {
		t.Errorf("right password: %v", err)
	}
	if _, err := exchange(v, "secret"); !errors.Is(err, ErrScram) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := exchange(MockVerifier("nobody", []byte("seed")), "secret"); !errors.Is(err, ErrScram) {
		t.Errorf("unknown user: %v", err)
	}
}

// Ensure that the key a client proves is the one that a server would need.
func TestScramYieldsClientKey(t *testing.T) {
	v, err := NewVerifier("pw")
	if err != nil {
		t.Fatal(err)
	}
	key, err := exchange(v, "pw")
	if err != nil {
		t.Fatal(err)
	}
	want, err := DeriveKeys("pw", v.Salt, v.Iterations)
	if err != nil || !bytes.Equal(key, want.ClientKey) {
		t.Errorf("got %x, want %x, %v", key, want.ClientKey, err)
	}
}

func exchange(v *Verifier, password string) ([]byte, error) {
	server := NewServerExchange(v)
	client := NewClientExchange(func(salt []byte, n int) (ClientKeys, error) { return DeriveKeys(password, salt, n) })
	first, err := server.First(client.First())
	if err != nil {
		return nil, err
	}
	final, err := client.Final(first)
	if err != nil {
		return nil, err
	}
	last, key, err := server.Final(final)
	if err != nil {
		return nil, err
	}
	return key, client.Verify(last)
}

// Ensure that the exchange of RFC 7677, section 3, is computed to the letter.
func TestScramVector(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := DeriveKeys("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	auth := "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	if got := base64.StdEncoding.EncodeToString(mac(keys.ServerKey, auth)); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("server signature %s", got)
	}
}

func TestParseVerifier(t *testing.T) {
	good := "SCRAM-SHA-256$4096:" + strings.Join([]string{b64("salt"), b64(strings.Repeat("k", 32)) + ":" + b64(strings.Repeat("s", 32))}, "$")
	if v, err := ParseVerifier(good); err != nil || v.Iterations != 4096 {
		t.Errorf("%+v, %v", v, err)
	}
	for _, bad := range []string{"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:$:", strings.Replace(good, "4096", "-1", 1), good[:len(good)-5]} {
		if _, err := ParseVerifier(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestMD5Password(t *testing.T) {
	clear := MD5Password("bob", "pw", []byte{1, 2, 3, 4})
	stored := MD5Password("bob", "md5"+md5hex([]byte("pwbob")), []byte{1, 2, 3, 4})
	if clear != stored || len(clear) != 35 {
		t.Errorf("%s, %s", clear, stored)
	}
}

func FuzzParseStartup(f *testing.F) {
	f.Add(AppendStartup(nil, "user", "a"))
	f.Add(AppendCancel(nil, 1, []byte("abcd")))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = ParseStartup(b) })
}

func FuzzParseError(f *testing.F) {
	f.Add(AppendError(nil, Errorf("XX000", "x"))[HeaderLen:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if e := ParseError(b); e.Error() == "" {
			t.Error("no text")
		}
	})
}

func FuzzScram(f *testing.F) {
	f.Add([]byte("n,,n=,r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	v := MockVerifier("u", []byte("s"))
	f.Fuzz(func(t *testing.T, first, final []byte) {
		x := NewServerExchange(v)
		if _, err := x.First(first); err != nil {
			return
		}
		if _, _, err := x.Final(final); err == nil {
			t.Error("a mock verifier was satisfied")
		}
	})
}
