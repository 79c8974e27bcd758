package admin

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pgherd/pgherd/internal/livesql"
)

func TestScan(t *testing.T) {
	tests := []struct {
		sql  string
		want [][]string // the text of each token, by statement
	}{
		{"", nil},
		{" ; ;\n", nil},
		{"-- only a comment", nil},
		{"a b;c", [][]string{{"a", "b", ";"}, {"c", ""}}},
		{"a--b\nc", [][]string{{"a", "c", ""}}},
		{"a/*;/*;*/;*/b", [][]string{{"a", "b", ""}}},
		{"x='a;''b'", [][]string{{"x", "=", "'a;''b'", ""}}},
		{`"a"";b" c`, [][]string{{`"a"";b"`, "c", ""}}},
		{`E'\';' ;`, [][]string{{`E'\';'`, ";"}}},
		{`'\';a`, [][]string{{`'\'`, ";"}, {"a", ""}}},
		{"node1 12ab", [][]string{{"node1", "12", "ab", ""}}},
	}
	for _, tt := range tests {
		statements, err := scan(tt.sql)
		var got [][]string
		for _, tokens := range statements {
			var texts []string
			for _, token := range tokens {
				texts = append(texts, token.text)
			}
			got = append(got, texts)
		}
		if err != nil || !slices.EqualFunc(got, tt.want, slices.Equal) {
			t.Errorf("%q: got %q, %v", tt.sql, got, err)
		}
	}
}

func TestNearest(t *testing.T) {
	choices := []string{"SHOW", "PROMOTE", "RECOVER"}
	tests := map[string]string{
		"shwo": "SHOW", "sho": "SHOW", "PROMTE": "PROMOTE", "recovery": "RECOVER", "": "", "x": "",
		strings.Repeat("A", 1000): "",
	}
	for text, want := range tests {
		if got := livesql.Nearest(text, choices); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzParse: a text is parsed or refused with a position inside it.
func FuzzParse(f *testing.F) {
	for _, sql := range []string{"PROMOTE NODE 1 FORCE; HELP", "SHOW é", "/*", "'", `E'\`, `"`, "HELP SHOW POOL_NODES", "DEALLOCATE ALL", "\xff;\x00"} {
		f.Add(sql)
	}
	s := newSession(testConsole(&engines{}), Session{User: "admin"}, nil, nil)
	f.Fuzz(func(t *testing.T, sql string) {
		statements, err := s.language.parse(sql, nil)
		if err == nil {
			for _, stmt := range statements {
				if stmt.run == nil && stmt.query == nil || stmt.text == "" {
					t.Errorf("%q: statement without %+v", sql, stmt)
				}
			}
			return
		}
		e, ok := errors.AsType[*sqlError](err)
		if !ok || e.position < 0 || e.position > utf8.RuneCountInString(sql)+1 {
			t.Errorf("%q: %v at %d", sql, err, e.position)
		}
	})
}

// FuzzReadMessage: no bytes of a client may cause a panic, and each message
// takes its own memory.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x09HELP\x00"))
	f.Add([]byte{'B', 0, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xf0, 0, 0})
	f.Add([]byte{'D', 0, 0, 0, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			before := r.Len()
			m, err := readMessage(r)
			if err == nil && m == nil || err != nil && m != nil {
				t.Fatalf("message %v with error %v", m, err)
			}
			if err != nil {
				if errors.Is(err, io.EOF) && r.Len() == before && before > 0 {
					t.Fatal("end of input with input left")
				}
				return
			}
		}
	})
}
