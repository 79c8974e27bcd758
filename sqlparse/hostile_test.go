package sqlparse

import (
	"strings"
	"testing"
)

// monsters are texts that nest, or seem to, n times.
var monsters = map[string]func(n int) string{
	"brackets":     func(n int) string { return "select " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
	"open":         func(n int) string { return "select " + strings.Repeat("(", n) },
	"arrays":       func(n int) string { return "select array" + strings.Repeat("[", n) + strings.Repeat("]", n) },
	"sums":         func(n int) string { return "select 1" + strings.Repeat("+1", n) },
	"signs":        func(n int) string { return "select " + strings.Repeat("- ", n) + "1" },
	"negations":    func(n int) string { return "select " + strings.Repeat("not ", n) + "true" },
	"casts":        func(n int) string { return "select 1" + strings.Repeat("::int", n) },
	"subscripts":   func(n int) string { return "select a" + strings.Repeat("[1]", n) },
	"rows":         func(n int) string { return "select " + strings.Repeat("(1,", n) + "1" + strings.Repeat(")", n) },
	"calls":        func(n int) string { return "select " + strings.Repeat("f(", n) + "1" + strings.Repeat(")", n) },
	"unions":       func(n int) string { return "select 1" + strings.Repeat(" union select 1", n) },
	"joins":        func(n int) string { return "select 1 from a" + strings.Repeat(" natural join b", n) },
	"with":         func(n int) string { return strings.Repeat("with a as (", n) + "select 1" },
	"comments":     func(n int) string { return strings.Repeat("/*", n) + "select 1" },
	"foreign":      func(n int) string { return "select \x01" + strings.Repeat("(", n) + "1" + strings.Repeat("+1", n) },
	"a list":       func(n int) string { return "select 1" + strings.Repeat(",1", n) },
	"dotted names": func(n int) string { return "select a" + strings.Repeat(".b", n) },
	"explain":      func(n int) string { return strings.Repeat("explain ", n) + "select 1" },
}

// Ensure that no text, however deep it nests, is more than the C parser's stack can
// bear: that would be the end of the process. Each way into the parser is tried.
func TestMonsters(t *testing.T) {
	p := New(100)
	for name, monster := range monsters {
		for _, n := range []int{maxJoints - 1, 31000} {
			sql := monster(n)
			if f := p.Parse([]byte(sql)); f.Kind == Unknown && !f.Traits.Has(Writes) {
				t.Errorf("%d %s: unknown, yet a read", n, name)
			}
			Settings(sql)
			Touched(sql)
			FindConfigured(sql)
			Namings(sql)
			if message, _ := SyntaxError(sql); len(sql) > MaxText && message == "" {
				t.Errorf("%d %s: no word about %d bytes", n, name, len(sql))
			}
		}
	}
}
