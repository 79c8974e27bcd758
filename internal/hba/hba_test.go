package hba

import (
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(data)), "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
}

// machine has the address 192.0.2.5/24.
func machine(file string, read func(string) ([]byte, error)) *parser {
	nets := []netip.Prefix{netip.MustParsePrefix("192.0.2.5/24")}
	return &parser{file, read, nets, hostsOf(nets)}
}

func TestMatch(t *testing.T) {
	data, err := os.ReadFile("testdata/match.conf")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := machine("testdata/match.conf", os.ReadFile).parse(string(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines(t, "testdata/match.txt") {
		client, want, _ := strings.Cut(l, "->")
		if got := describe(rules.Match(factsOf(t, strings.Fields(client)))); got != strings.TrimSpace(want) {
			t.Errorf("%s: got %s", l, got)
		}
	}
}

func factsOf(t *testing.T, words []string) Facts {
	t.Helper()
	unspace := func(s string) string { return strings.ReplaceAll(s, "_b", " b") }
	f := Facts{Transport: Transport(slices.Index([]string{"unix", "plain", "tls"}, words[0])), Database: words[2], User: words[3]}
	if f.Database == "replication" {
		f.Database, f.Replication = "", true
	}
	if words[1] != "-" {
		f.Addr = netip.MustParseAddr(words[1])
	}
	if f.Database == "a_b" {
		f.Database = unspace(f.Database)
	}
	if f.User == "bob_smith" {
		f.User = "bob smith"
	}
	return f
}

func describe(r *Rule) string {
	if r == nil {
		return "-"
	}
	return strings.TrimSpace(strconv.Itoa(r.Line) + " " + r.Method.String() + " " + r.Map)
}

func TestOptions(t *testing.T) {
	r, err := machine("f", nil).parse("hostssl all all all cert clientname=DN\nhostssl all all all md5 clientcert=verify-ca\nlocal all all ident\n")
	if err != nil {
		t.Fatal(err)
	}
	if c := r.list[0]; c.ClientCert != VerifyFull || c.ClientName != DistinguishedName || c.Where() != "f:1" {
		t.Errorf("cert: %+v", c)
	}
	if c := r.list[1]; c.ClientCert != VerifyCA || c.ClientName != CommonName {
		t.Errorf("md5 with a certificate: %+v", c)
	}
	if c := r.list[2]; c.Method != Peer || c.ClientCert != NoCert {
		t.Errorf("local ident is peer: %+v", c)
	}
}

// files that exist only here: loop reads itself.
func noFiles(path string) ([]byte, error) {
	if path == "loop" {
		return []byte("@loop"), nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func TestBadLines(t *testing.T) {
	for _, l := range lines(t, "testdata/bad.txt") {
		text, want, _ := strings.Cut(l, " => ")
		_, err := machine("hba.conf", noFiles).parse("local all all trust\n" + text)
		if err == nil || err.Error() != "hba.conf:2: "+want {
			t.Errorf("%s:\ngot  %v\nwant hba.conf:2: %s", text, err, want)
		}
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	_, err := machine("hba.conf", noFiles).parse("x\nlocal all all trust\n\n\"y\n")
	if err == nil || strings.Count(err.Error(), "hba.conf:") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestNoLineIsNoMatch(t *testing.T) {
	r, err := machine("f", nil).parse("# nothing\n")
	if err != nil || r.Len() != 0 || r.Match(Facts{Transport: UnixSocket, User: "u", Database: "d"}) != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestMaps(t *testing.T) {
	m, err := parseMaps("ident", "admins root postgres # comment\nadmins /^(.*)@corp$ \\1\nadmins \"CN=a, O=b\" /^app_\nany /.* all\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, system, user string
		want               bool
	}{
		{"", "ann", "ann", true}, {"", "ann", "bob", false},
		{"admins", "root", "postgres", true}, {"admins", "root", "root", false}, {"admins", "Root", "postgres", false},
		{"admins", "ann@corp", "ann", true}, {"admins", "ann@corp", "bob", false}, {"admins", "ann@corp.org", "ann", false},
		{"admins", "CN=a, O=b", "app_1", true}, {"admins", "CN=a, O=b", "x", false},
		{"any", "x", "y", true}, {"none", "x", "x", false},
	} {
		if got := m.Allow(c.name, c.system, c.user); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
	if none := (*Maps)(nil); !none.Allow("", "a", "a") || none.Allow("m", "a", "a") {
		t.Error("no maps: equal names alone are allowed")
	}
}

func TestBadMaps(t *testing.T) {
	for text, want := range map[string]string{
		"m a":         "want MAP SYSTEM-NAME USER",
		"m a,b c":     "want one word in each column, found a list",
		"m /( c":      "regular expression \"(\": error parsing regexp: missing closing ): `(`",
		`m /a \1`:     `\1 refers to a group, but the system name captures none`,
		`m a x\1`:     `x\1 refers to a group, but the system name captures none`,
		"m a +staff":  "+staff is not supported: pgherd does not know who is a member of a role; list the users",
		`m "a`:        "the closing quote is missing",
		"m a b extra": "want MAP SYSTEM-NAME USER",
	} {
		_, err := parseMaps("ident", "\n"+text)
		if err == nil || err.Error() != "ident:2: "+want {
			t.Errorf("%s:\ngot  %v\nwant ident:2: %s", text, err, want)
		}
	}
}

// Any text gives rules that can be asked, or errors that say where.
func FuzzRules(f *testing.F) {
	for _, path := range []string{"testdata/match.conf", "testdata/bad.txt"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "bench", "app")
	}
	f.Add("host all \"a\"\"b\",,c 10.0.0.1 255.0.0.0 md5\\\n", "a\"b", "")
	f.Fuzz(func(t *testing.T, text, database, user string) {
		rules, err := machine("f", noFiles).parse(text)
		if (rules == nil) == (err == nil) {
			t.Fatalf("rules %v, error %v", rules, err)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("no place in %q", err)
			}
			return
		}
		facts := Facts{Transport: TLS, Addr: netip.MustParseAddr("10.0.0.1"), Database: database, User: user}
		if r := rules.Match(facts); r != nil && (r.Method == Peer || r.Line < 1) {
			t.Fatalf("a client over TLS matched %+v", r)
		}
	})
}

func FuzzMaps(f *testing.F) {
	f.Add("m /^(.*)@x$ \\1", "a@x", "a")
	f.Fuzz(func(t *testing.T, text, system, user string) {
		m, err := parseMaps("f", text)
		if err == nil && m.Allow("no such map \n", system, user) {
			t.Fatal("a map was made up")
		}
	})
}
