package host

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

func TestEditSettings(t *testing.T) {
	const old = "# Do not edit\n" +
		"work_mem = '4MB'\n" +
		"primary_conninfo = 'host=old'\n" +
		"  Primary_Conninfo 'host=older'\r\n" +
		"#primary_conninfo = 'comment'\n" +
		"primary_conninfo_2 = x\n" +
		"recovery_target=immediate"
	got, err := editSettings([]byte(old), map[string]string{"primary_conninfo": "host=new", "port": "1"}, []string{"recovery_target"})
	want := "# Do not edit\n" +
		"work_mem = '4MB'\n" +
		"#primary_conninfo = 'comment'\n" +
		"primary_conninfo_2 = x\n" +
		"port = '1'\n" +
		"primary_conninfo = 'host=new'\n"
	if err != nil || string(got) != want {
		t.Errorf("got\n%s\n%v", got, err)
	}
}

func TestEditSettingsRefuses(t *testing.T) {
	for _, set := range []map[string]string{
		{"port": "1\nfsync = off"}, {"port": "1\x00"}, {"po rt": "1"}, {"": "1"}, {"a.b.c": "1"}, {"#x": "1"},
	} {
		if got, err := editSettings(nil, set, nil); err == nil {
			t.Errorf("%q was written as %q", set, got)
		}
	}
}

func FuzzEditSettings(f *testing.F) {
	f.Add([]byte("port = 1\n# x\nPORT=2"), "it's a \\ value")
	f.Fuzz(func(t *testing.T, old []byte, value string) {
		set := map[string]string{"port": value}
		once, err := editSettings(old, set, nil)
		if err != nil {
			return
		}
		twice, err := editSettings(once, set, nil)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q then %q", once, twice)
		}
		found := 0
		for line := range bytes.Lines(once) {
			if strings.EqualFold(settingName(line), "port") {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d lines set port in %q", found, once)
		}
	})
}

// The server is the judge of what quoting means: postgres -C reads the files
// and prints a value.
func TestQuotingAsTheServerReadsIt(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server, which -short is not for")
	}
	l, dir := here(t)
	bin, err := FindNewest(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	node := cluster.Node{ID: 3, DataDirectory: filepath.Join(dir, "n3"), Port: 1}
	i := Open(l, node, bin)
	if err := i.InitDB(t.Context(), InitDB{Superuser: "me", Password: "p'w", Options: map[string]string{"fsync": "off"}}); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{`plain`, `it's`, `back\slash`, `\'`, `a#b`, `tab	and "quotes"`, `$1 ${x} %p`, `ü€`} {
		primary := cluster.Node{Host: "127.0.0.1", Port: 5432}
		conninfo := primary.PrimaryConninfo(node, cluster.Credentials{User: "r", Password: secret})
		if err := i.Follow(conninfo, "slot_3"); err != nil {
			t.Fatal(err)
		}
		got, err := i.PrimaryConninfo(t.Context())
		if err != nil || got != conninfo {
			t.Errorf("%q: the server reads\n%s, %v; want\n%s", secret, got, err, conninfo)
		}
	}
}
