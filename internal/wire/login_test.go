package wire

import "testing"

// The CPU of one SCRAM login when the verifier is known, on both sides, and of
// making the verifier of a password, which happens once.
func BenchmarkScramLogin(b *testing.B) {
	v, err := NewVerifier("password")
	if err != nil {
		b.Fatal(err)
	}
	keys, err := DeriveKeys("password", v.Salt, v.Iterations)
	if err != nil {
		b.Fatal(err)
	}
	derive := func([]byte, int) (ClientKeys, error) { return keys, nil }
	b.Run("exchange", func(b *testing.B) {
		for b.Loop() {
			client, server := NewClientExchange(derive), NewServerExchange(v)
			first, _ := server.First(client.First())
			final, err := client.Final(first)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := server.Final(final); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verifier", func(b *testing.B) {
		for b.Loop() {
			if _, err := NewVerifier("password"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestIsMD5Secret(t *testing.T) {
	for s, want := range map[string]bool{
		MD5Secret("u", "p"):                   true,
		"md5f70c4a6ab7d1ea4e8a4f9b2d3a1c5e60": true,
		"md5f70c4a6ab7d1ea4e8a4f9b2d3a1c5e6":  false,
		"md5zzzc4a6ab7d1ea4e8a4f9b2d3a1c5e60": false,
		"":                                    false,
		"md5":                                 false,
	} {
		if IsMD5Secret(s) != want {
			t.Errorf("%q: want %v", s, want)
		}
	}
}

func TestVerifierChecksPasswords(t *testing.T) {
	v, err := NewVerifier("pässword")
	if err != nil {
		t.Fatal(err)
	}
	key, ok := v.Check("pässword")
	if keys, _ := DeriveKeys("pässword", v.Salt, v.Iterations); !ok || string(key) != string(keys.ClientKey) {
		t.Error("the right password does not open")
	}
	if _, ok := v.Check("password"); ok {
		t.Error("a wrong password opens")
	}
	if _, ok := MockVerifier("u", []byte("seed")).Check(""); ok {
		t.Error("the mock opens")
	}
}
