package sqlparse

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
)

//go:embed testdata/facts.txt
var factsText string

// sample is one line of testdata/facts.txt.
type sample struct {
	line int
	want string
	sql  string
}

func samples(t testing.TB) []sample {
	var list []sample
	for i, line := range strings.Split(strings.TrimSuffix(factsText, "\n"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		field := strings.SplitN(line, "|", 4)
		if len(field) != 4 {
			t.Fatalf("facts.txt:%d: want kind | traits | pin | sql", i+1)
		}
		want := fmt.Sprintf("%s | %s | %s", strings.TrimSpace(field[0]), strings.TrimSpace(field[1]), strings.TrimSpace(field[2]))
		list = append(list, sample{i + 1, want, strings.TrimPrefix(field[3], " ")})
	}
	return list
}

func show(f *Facts) string {
	pin := ""
	if f.Pin != PinNone {
		pin = f.Pin.String()
	}
	return fmt.Sprintf("%s | %s | %s", f.Kind, f.Traits, pin)
}

// all is show with everything else that must be equal for equal shapes.
func all(f *Facts) string {
	return fmt.Sprintf("%s | %d | %s | %q | %s | %v | %s", show(f), f.Statements, f.Tag, f.Executes, listed(f), f.Modes, f.Hint)
}

func TestFacts(t *testing.T) {
	p := New(1000)
	for _, s := range samples(t) {
		if got := show(p.Parse([]byte(s.sql))); got != s.want {
			t.Errorf("facts.txt:%d: %s\n got %s\nwant %s", s.line, s.sql, got, s.want)
		}
	}
}

func TestTagsAndCounts(t *testing.T) {
	for sql, want := range map[string]struct {
		count int
		tag   string
	}{
		"":                   {0, ""},
		"begin":              {1, "BEGIN"},
		"start transaction":  {1, "START TRANSACTION"},
		"end":                {1, "COMMIT"},
		"abort;":             {1, "ROLLBACK"},
		"commit and chain":   {1, ""},
		"begin; commit":      {2, ""},
		"select 1;;select 2": {2, ""},
	} {
		f := New(16).Parse([]byte(sql))
		if f.Statements != want.count || f.Tag != want.tag {
			t.Errorf("%q: %d statements, tag %q; want %v", sql, f.Statements, f.Tag, want)
		}
	}
}

func TestDeserted(t *testing.T) {
	for sql, want := range map[string]string{
		`drop database if exists "Mine" with (force)`:        "Mine",
		"alter database mine rename to yours":                "mine",
		"alter database mine set tablespace fast":            "mine",
		"create database yours with owner x template = mine": "mine",
		"create database yours template 'mine'":              "mine",
		"create database yours template default":             "",
		"alter database mine connection limit 3":             "",
		"alter database mine set work_mem = '1MB'":           "",
		"alter table mine rename to yours":                   "",
		"drop table mine":                                    "",
	} {
		if got := New(16).Parse([]byte(sql)).Deserted; got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

func TestReadOnlyUntilRefused(t *testing.T) {
	p := New(16)
	f := p.Parse([]byte("select a from v where b = 1"))
	if !f.ReadOnly() || f.StandbyRefused() {
		t.Fatal("a plain select should be read-only")
	}
	f.RefuseStandby()
	again := p.Parse([]byte("select a from v where b = 2"))
	if again.ReadOnly() || !again.StandbyRefused() {
		t.Error("the refusal should hold for the shape, whatever its constants")
	}
}

func TestReadOnlyTraits(t *testing.T) {
	for sql, want := range map[string]bool{
		"select 1":                           true,
		"begin read only":                    true,
		"show server_version":                false,
		"begin isolation level serializable": false,
		"delete from t":                      false,
		"nonsense":                           false,
	} {
		if got := New(16).Parse([]byte(sql)).ReadOnly(); got != want {
			t.Errorf("%q: ReadOnly is %v", sql, got)
		}
	}
}

func TestTooMuchIsUnknown(t *testing.T) {
	for name, sql := range map[string]string{
		"long":           "select '" + strings.Repeat("x", MaxText) + "'",
		"operators":      "select 1" + strings.Repeat("+1", 30000),
		"casts":          "select 1" + strings.Repeat("::a", 20000),
		"tests":          "select a" + strings.Repeat(" isnull", 9000),
		"lost":           "select 1" + strings.Repeat("+1", 30000) + " \x01",
		"brackets":       "select " + strings.Repeat("(", 30000) + "1" + strings.Repeat(")", 30000),
		"nested arrays":  "select array" + strings.Repeat("[", 30000) + "1" + strings.Repeat("]", 30000),
		"nested rows":    "select " + strings.Repeat("(", 16000) + "1" + strings.Repeat(",1)", 16000),
		"doubtful":       "select x'1'" + strings.Repeat("+1", 30000),
		"not UTF-8":      "select '\xff'",
		"after a NUL":    "select 1\x00; delete from t",
		"in quoted name": "select \"a\xffb\"",
	} {
		if f := New(16).Parse([]byte(sql)); f.Kind != Unknown || !f.Traits.Has(Writes) || f.ReadOnly() {
			t.Errorf("%s: %s", name, all(f))
		}
	}
}

func TestLongListsAreParsed(t *testing.T) {
	sql := "select * from t where a in (1" + strings.Repeat(", 22", 10000) + ")"
	if f := New(16).Parse([]byte(sql)); !f.ReadOnly() {
		t.Errorf("in list: %s", all(f))
	}
	sql = "insert into t values (1, 'a', null)" + strings.Repeat(", (1, 'a', null)", 3000)
	if f := New(16).Parse([]byte(sql)); f.Kind != Insert {
		t.Errorf("values: %s", all(f))
	}
}

func TestFunctionsAreSortedAndSane(t *testing.T) {
	for i := 1; i < len(harmless); i++ {
		if harmless[i-1] >= harmless[i] {
			t.Fatalf("functions.txt: %s stands before %s", harmless[i-1], harmless[i])
		}
	}
	for _, name := range primaryOnly {
		if OnlyReads(name) || !isBuiltIn(name) {
			t.Errorf("%s stands in both lists, or functions_primary.txt is not sorted", name)
		}
	}
	for _, name := range []string{"nextval", "setval", "currval", "lastval", "set_config", "txid_current",
		"pg_current_xact_id", "pg_notify", "pg_advisory_lock", "lo_import", "lo_export", "pg_terminate_backend",
		"pg_promote", "query_to_xml", "pg_export_snapshot", "setseed", "dblink", ""} {
		if OnlyReads(name) {
			t.Errorf("%q is not harmless", name)
		}
	}
}
