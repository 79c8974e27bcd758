package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each file of testdata is a history, a line an operation: client, r or w, key,
// version, call, return (in any unit). What is to be found stands behind "want",
// one line each: the guarantee and the least version, or whether the history is
// linearizable.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d histories, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) { check(t, string(text)) })
	}
}

func check(t *testing.T, text string) {
	ops, want := read(t, text)
	var got []string
	for _, v := range append(Guarantees(ops), Stale(ops)...) {
		got = append(got, fmt.Sprintf("%s %d", v.Guarantee, v.Least))
	}
	if yes, known := Linearizable(ops, time.Second); yes && known {
		got = append(got, "linearizable")
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func read(t *testing.T, text string) (ops []Op, want []string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if line == "" {
			continue
		}
		if finding, ok := strings.CutPrefix(line, "want "); ok {
			want = append(want, finding)
			continue
		}
		var o Op
		var kind string
		if _, err := fmt.Sscan(line, &o.Client, &kind, &o.Key, &o.Version, &o.Call, &o.Return); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if kind == "w" {
			o.Kind = Write
		}
		ops = append(ops, o)
	}
	return ops, want
}

// Ensure that a violation says who read what.
func TestViolationsAreTold(t *testing.T) {
	found := Guarantees([]Op{{Client: 3, Kind: Write, Key: 1, Version: 7, Call: 1, Return: 2}, {Client: 3, Key: 1, Version: 6, Call: 3, Return: 1000}})
	want := "read your writes: client 3's read of key 1, version 6, on node 0, from 0s to 1µs: want at least version 7"
	if len(found) != 1 || found[0].String() != want {
		t.Errorf("got %v, want %s", found, want)
	}
}
