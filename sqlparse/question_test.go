package sqlparse

import "testing"

func TestRouteQuestion(t *testing.T) {
	for sql, want := range map[string]string{
		"explain route select 1":                         "select 1",
		" \n/* x /* y */ */ EXPLAIN -- z\n Route\tbegin": "begin",
		"explain route":                                  "",
		"explain route/*pgherd: standby*/ select 1":      "/*pgherd: standby*/ select 1",
		"explain route(select 1)":                        "(select 1)",
		"explain routes":                                 "no",
		"explainroute select 1":                          "no",
		"explain select 1":                               "no",
		"explain /* route select 1":                      "no",
		"select route":                                   "no",
		"e":                                              "no",
		"":                                               "no",
	} {
		got := "no"
		if at, ok := RouteQuestion([]byte(sql)); ok {
			got = sql[at:]
		}
		if got != want {
			t.Errorf("%q asks about %q, want %q", sql, got, want)
		}
	}
}

func TestSyntaxError(t *testing.T) {
	for sql, want := range map[string]struct {
		message  string
		position int
	}{
		"select 1":                   {"", 0},
		"selec 1":                    {`syntax error at or near "selec"`, 1},
		"select 'ä' /* x */ frm t x": {`syntax error at or near "t"`, 24},
	} {
		if message, position := SyntaxError(sql); message != want.message || position != want.position {
			t.Errorf("%q: %q at %d, want %q at %d", sql, message, position, want.message, want.position)
		}
	}
}

// Whatever the text: no panic, and what is asked about is its end.
func FuzzRouteQuestion(f *testing.F) {
	f.Add([]byte("explain /* */ route select 1"))
	f.Fuzz(func(t *testing.T, sql []byte) {
		if at, ok := RouteQuestion(sql); ok && (at < len("explainroute") || at > len(sql)) {
			t.Errorf("%q: %d", sql, at)
		}
	})
}

func TestConsoleQuestion(t *testing.T) {
	for sql, want := range map[string]bool{
		"show pool_nodes": true, " /* a */ SHOW\n-- b\nPool_Version;": true, "pgpool show all": true, "PGPOOL": true, "show pool_": true,
		"": false, "show": false, "show pool": false, "showpool_nodes": false, "select 1": false, "pgpools": false,
		"show /* pool_nodes": false, "show search_path": false, "show \"pool_nodes\"": false, "explain show pool_nodes": false, "s": false,
	} {
		if got := ConsoleQuestion([]byte(sql)); got != want {
			t.Errorf("%q: %v", sql, got)
		}
	}
}
