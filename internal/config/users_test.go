package config

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestLoadUsers(t *testing.T) {
	users, err := LoadUsers("testdata/users.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"bench":       "bench",
		`say "hi"`:    `a "quoted" secret`,
		"md5user":     "md5f70c4a6ab7d1ea4e8a4f9b2d3a1c5e60",
		"scram":       "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy",
		"nopassword":  "",
		"old columns": "kept",
		"semi;colon":  "; not a comment",
	}
	if len(users) != len(want) {
		t.Errorf("%d users, want %d", len(users), len(want))
	}
	for name, secret := range want {
		if got, ok := users[name]; !ok || got.Reveal() != secret {
			t.Errorf("%s: got %q (there: %v), want %q", name, got.Reveal(), ok, secret)
		}
	}
}

func TestBadUsers(t *testing.T) {
	const form = `; want "user" "secret"`
	tests := []struct{ text, want string }{
		{`bench "hidden"`, `u.txt:1: user name: no quote where it should begin` + form},
		{`"bench" hidden`, `u.txt:1: secret: no quote where it should begin` + form},
		{`"bench"`, `u.txt:1: secret: no quote where it should begin` + form},
		{`"bench" "hidden`, `u.txt:1: secret: the closing quote is missing` + form},
		{`"bench" "hid"den"`, `u.txt:1: secret: no space after the closing quote; write a quote inside as ""`},
		{`"bench""hidden"`, `u.txt:1: secret: no quote where it should begin` + form},
		{`"" "hidden"`, `u.txt:1: the user name is empty`},
		{"\"a\" \"hidden\"\n\n; comment\n\"a\" \"hidden\"", `u.txt:4: user "a" is also on line 1`},
		{"hidden\n\"a\" \"b\"\nhidden", "u.txt:1: user name: no quote where it should begin" + form +
			"\nu.txt:3: user name: no quote where it should begin" + form},
	}
	for _, tt := range tests {
		_, err := parseUsers("u.txt", tt.text)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestMissingUsersFileSaysWhich(t *testing.T) {
	_, err := LoadUsers("testdata/nowhere.txt")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "testdata/nowhere.txt") {
		t.Errorf("got %v", err)
	}
}

// What is accepted is read the same after it has been written out again.
func FuzzUsers(f *testing.F) {
	f.Add(`"bench" "bench"`)
	f.Add("; comment\n\"a\"\t\"say \"\"hi\"\"\" \"\"\r\n")
	f.Add(`"a" "b`)
	f.Fuzz(func(t *testing.T, text string) {
		users, err := parseUsers("users.txt", text)
		if err != nil {
			return
		}
		again, err := parseUsers("users.txt", writeUsers(users))
		if err != nil || len(again) != len(users) {
			t.Fatalf("%d users became %d: %v", len(users), len(again), err)
		}
		for name, secret := range users {
			if got := again[name].Reveal(); got != secret.Reveal() {
				t.Errorf("%q: %q became %q", name, secret.Reveal(), got)
			}
		}
	})
}

func writeUsers(users map[string]Secret) string {
	var b strings.Builder
	for name, secret := range users {
		for _, text := range []string{name, secret.Reveal()} {
			b.WriteString(` "` + strings.ReplaceAll(text, `"`, `""`) + `"`)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
