package routing

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/sqlparse"
)

// trial plays testdata/judge/*.txt. Each line is a step:
//
//	read_only_function_list|write_function_list|primary_routing_query_pattern_list PATTERN
//	allow_sql_comments off
//	function SCHEMA.NAME volatile|stable [builtin]
//	pinned SCHEMA.NAME                                    an unlogged table or a sequence
//	view SCHEMA.NAME [locks] [calls SCHEMA.NAME] [of SCHEMA.NAME]
//	catalog none|pending|read                             that what stands above, or nothing
//	read|primary|write SQL                                what the SQL is judged to be
type trial struct {
	lists     Lists
	functions []CatalogFunction
	pinned    []Name
	views     []CatalogView
	catalog   *Catalog
	judge     *Judge
	parser    *sqlparse.Parser
}

func TestJudge(t *testing.T) {
	text, err := os.ReadFile("testdata/judge.cases")
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrial()
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "again":
			tr = newTrial()
		case "read", "primary", "write":
			if got := tr.verdict(t, rest); got != word {
				t.Errorf("judge.cases:%d: %s: got %s, want %s", i+1, rest, got, word)
			}
		default:
			if !tr.set(t, word, rest) && !tr.define(word, strings.Fields(rest)) {
				t.Errorf("judge.cases:%d: unknown step %s", i+1, word)
			}
		}
	}
}

func newTrial() *trial { return &trial{parser: sqlparse.New(100)} }

func (tr *trial) verdict(t *testing.T, sql string) string {
	if tr.judge == nil {
		tr.judge = NewJudge(tr.lists)
	}
	f := tr.judge.Facts(tr.judge.Text(tr.parser.Parse([]byte(sql)), []byte(sql)), tr.catalog)
	switch {
	case f.Traits.Has(sqlparse.Writes):
		return "write"
	case f.ReadOnly():
		return "read"
	}
	return "primary"
}

func (tr *trial) set(t *testing.T, word, rest string) bool {
	switch word {
	case "read_only_function_list":
		tr.lists.ReadOnly = append(tr.lists.ReadOnly, pattern(t, rest)...)
	case "write_function_list":
		tr.lists.Write = append(tr.lists.Write, pattern(t, rest)...)
	case "primary_routing_query_pattern_list":
		tr.lists.Primary = append(tr.lists.Primary, pattern(t, rest)...)
	case "allow_sql_comments":
		tr.lists.NoComments = rest == "off"
	case "catalog":
		tr.catalog = map[string]*Catalog{"none": nil, "pending": PendingCatalog(),
			"read": NewCatalog(tr.functions, tr.pinned, tr.views)}[rest]
	default:
		return false
	}
	tr.judge = nil
	return true
}

func pattern(t *testing.T, text string) []*regexp.Regexp {
	t.Helper()
	p, err := config.Patterns([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func nameOf(text string) Name {
	schema, name, _ := strings.Cut(text, ".")
	return Name{schema, name}
}

func (tr *trial) define(word string, f []string) bool {
	switch word {
	case "function":
		tr.functions = append(tr.functions, CatalogFunction{nameOf(f[0]), f[1] == "volatile", len(f) > 2})
	case "pinned":
		tr.pinned = append(tr.pinned, nameOf(f[0]))
	case "view":
		v := CatalogView{Name: nameOf(f[0])}
		for i := 1; i < len(f); i++ {
			switch f[i] {
			case "locks":
				v.Locks = true
			case "calls":
				v.Calls = append(v.Calls, nameOf(f[i+1]))
			case "of":
				v.Relations = append(v.Relations, nameOf(f[i+1]))
			}
		}
		tr.views = append(tr.views, v)
	default:
		return false
	}
	return true
}

// Ensure that a statement that is known costs no memory.
func TestJudgeAllocatesNothing(t *testing.T) {
	j := NewJudge(Lists{Write: pattern(t, "set_.*"), Primary: pattern(t, "select 2")})
	c := NewCatalog([]CatalogFunction{{Name{"public", "f"}, false, false}}, []Name{{"public", "u"}}, nil)
	sql := []byte("select f(1), count(*) from t")
	f := sqlparse.New(16).Parse(sql)
	if n := testing.AllocsPerRun(100, func() { j.Facts(j.Text(f, sql), c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkJudge(b *testing.B) {
	j := NewJudge(Lists{})
	c := NewCatalog([]CatalogFunction{{Name{"public", "f"}, false, false}}, []Name{{"public", "u"}}, nil)
	f := sqlparse.New(16).Parse([]byte("select f(1), count(*) from t join v using (a)"))
	for b.Loop() {
		j.Facts(f, c)
	}
}
