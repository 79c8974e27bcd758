package sqlparse

import (
	"strings"
	"testing"
)

func TestHints(t *testing.T) {
	p := New(100)
	for comment, want := range map[string]string{
		"":                            "",
		"/* nothing */":               "",
		"-- pgherd: primary\n":        "",
		"/*NO LOAD BALANCE*/":         "primary",
		"/* no load balance */":       "primary",
		"/*NO LOAD BALANCE, please*/": "",
		"/*pgherd: primary*/":         "primary",
		"/*PgHerd:STANDBY*/":          "standby",
		"/* pgherd : standby */":      "standby",
		"/*pgherd: node=2*/":          "node=2",
		"/*pgherd: node = 0 */":       "node=0",
		"/*pgherd: node=-1*/":         "invalid",
		"/*pgherd: node=4711*/":       "invalid",
		"/*pgherd: node*/":            "invalid",
		"/*pgherd: primary standby*/": "invalid",
		"/*pgherd:*/":                 "invalid",
		"/* pgherd is a proxy */":     "",
		"/*pgherding: primary*/":      "",
		"\n\t-- x\n/* a /* b */ */ /*pgherd: standby*/ /*pgherd: primary*/": "standby",
	} {
		for _, sql := range []string{"select a from t where b = 1", "select 'a' 'b'", "select '" + strings.Repeat("x", MaxText) + "'"} {
			if got := p.Parse([]byte(comment + sql)).Hint.String(); got != want {
				t.Errorf("%q in front of %.20q: %q, want %q", comment, sql, got, want)
			}
		}
	}
}

func TestHintsElsewhereAreComments(t *testing.T) {
	for _, sql := range []string{
		"select /*pgherd: primary*/ 1", "select 1 /*pgherd: primary*/", "; /*NO LOAD BALANCE*/ select 1",
		"select '/*pgherd: primary*/'", "/*pgherd: primary", "/* /*pgherd: primary*/ */ select 1", "(/*pgherd: primary*/ select 1)",
	} {
		if h := New(100).Parse([]byte(sql)).Hint; h != (Hint{}) {
			t.Errorf("%q: %v", sql, h)
		}
	}
}

// A comment is a matter of the text's own, but a hint is one of the cache's, too.
func TestHintsArePartOfTheKey(t *testing.T) {
	p := New(100)
	plain := p.Parse([]byte("select 1"))
	for _, same := range []string{"/* c */ select 2", "select /* c */ 2 -- c", "/*pgherding*/ select 3"} {
		if p.Parse([]byte(same)) != plain {
			t.Errorf("%q should have the shape of select 1", same)
		}
	}
	seen := map[*Facts]bool{plain: true}
	for _, hint := range []string{"primary", "standby", "node=0", "node=1", "node=11", "nonsense"} {
		sql := []byte("/*pgherd: " + hint + "*/ select 1")
		f := p.Parse(sql)
		if seen[f] || p.Parse(sql) != f || !f.ReadOnly() || f.Kind != Select {
			t.Errorf("%s: %s", hint, all(f))
		}
		seen[f] = true
	}
}
