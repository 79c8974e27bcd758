package sqlparse

import (
	"strings"
	"testing"
)

// FuzzScanner: two texts with one shape must have the same facts. The second text is
// made from the first by putting other words, constants and white space into it.
func FuzzScanner(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.sql, "1", "'q'")
		f.Add(s.sql, " ", "/**/")
	}
	f.Fuzz(func(t *testing.T, sql, old, replacement string) {
		if old == "" || len(sql) > maxLost {
			return
		}
		other := strings.Replace(sql, old, replacement, 3)
		a, b := cacheable(sql), cacheable(other)
		if a == nil || b == nil || *a != *b {
			return
		}
		if x, y := all(classify(sql)), all(classify(other)); x != y {
			t.Errorf("%q and %q share the shape %q\n%s\n%s", sql, other, *a, x, y)
		}
	})
}

// cacheable is the shape under which a text may be cached, nil if it mayn't.
func cacheable(sql string) *string {
	var s scanner
	if s.scan([]byte(sql)); s.sure != exact || s.tooDeep() {
		return nil
	}
	text := string(s.out)
	return &text
}

// FuzzSpelling: a text written anew from its own shape must have the same facts, so
// the shape holds all that matters.
func FuzzSpelling(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.sql)
	}
	spell := strings.NewReplacer("\x01", " 7 ", "\x02", " 7.5 ", "\x03", " 'q' ", "\x04", " '' ", "\x05", " $1 ", "\x06", " null ", ".", " . ")
	f.Fuzz(func(t *testing.T, sql string) {
		shape := cacheable(sql)
		if shape == nil || len(sql) > maxLost || strings.ContainsAny(*shape, "\"\x07") {
			return
		}
		other := spell.Replace(*shape)
		if x, y := all(classify(sql)), all(classify(other)); x != y {
			t.Errorf("%q, spelled %q\n%s\n%s", sql, other, x, y)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range samples(f) {
		f.Add([]byte(s.sql))
	}
	p := New(1000)
	f.Fuzz(func(t *testing.T, sql []byte) {
		facts := p.Parse(sql)
		if facts == nil || facts.Kind == Unknown && facts.ReadOnly() {
			t.Fatalf("%q: %v", sql, facts)
		}
		Settings(string(sql))
	})
}
