package routing

import (
	"regexp"
	"sync"

	"github.com/pgherd/pgherd/sqlparse"
)

// Judge knows better than the text alone what a statement does: from the lists in the
// configuration, and from the database's Catalog. It is safe for many goroutines. A nil
// Judge has no lists.
type Judge struct {
	Lists

	mu    sync.RWMutex // guards known
	known map[Name]listed
}

// Lists are the parameters of a Judge, after Pgpool-II; see config.Patterns.
type Lists struct {
	ReadOnly []*regexp.Regexp // read_only_function_list: functions that only read
	Write    []*regexp.Regexp // write_function_list: functions that write; goes before ReadOnly
	Primary  []*regexp.Regexp // primary_routing_query_pattern_list: texts that belong on the primary

	NoComments bool // allow_sql_comments off: a comment in front of a text has it run on the primary
}

// listed is what the lists say of a function.
type listed uint8

const (
	listedNowhere listed = iota
	listedReading
	listedWriting
)

// maxKnown bounds the names for which what the lists say is kept.
const maxKnown = 10000

// NewJudge makes a Judge of the lists.
func NewJudge(l Lists) *Judge { return &Judge{Lists: l, known: map[Name]listed{}} }

func match(patterns []*regexp.Regexp, text string) bool {
	for _, p := range patterns {
		if p.MatchString(text) {
			return true
		}
	}
	return false
}

// Text applies primary_routing_query_pattern_list and allow_sql_comments to the facts f
// of a text. Constants matter to both, so it must be called for each text; with patterns
// that takes a few microseconds.
func (j *Judge) Text(f *sqlparse.Facts, sql []byte) *sqlparse.Facts {
	if j == nil {
		return f
	}
	if j.NoComments && (f.Hint.Kind == sqlparse.HintNone || f.Hint.Kind == sqlparse.HintInvalid) && sqlparse.LedByComment(sql) {
		return f.OnPrimary()
	}
	for _, p := range j.Primary {
		if p.Match(sql) {
			return f.OnPrimary()
		}
	}
	return f
}

// Facts applies the lists of functions and the catalog of its database to the facts of a
// statement. It allocates nothing once it has seen the statement.
func (j *Judge) Facts(f *sqlparse.Facts, c *Catalog) *sqlparse.Facts {
	if f.Traits.Has(sqlparse.PrimaryOnly) || f.Traits.Has(sqlparse.Writes) && !f.Traits.Has(sqlparse.CatalogDecides) {
		return f
	}
	for i := range f.Functions {
		if !j.reads(&f.Functions[i], c) {
			return f.AsWrite()
		}
	}
	for i := range f.Tables {
		if c.onPrimary(f.Tables[i].Schema, f.Tables[i].Name) {
			return f.OnPrimary()
		}
	}
	return f.AsRead()
}

// reads: the lists first, then the catalog.
func (j *Judge) reads(f *sqlparse.Function, c *Catalog) bool {
	n := Name{f.Schema, f.Name}
	switch j.listed(n) {
	case listedReading:
		return true
	case listedWriting:
		return false
	}
	if f.BuiltIn && (c == nil || len(c.shadows) == 0) {
		return true // else the facts would have said that it writes
	}
	return c.reading(n, f.BuiltIn)
}

// listed says what the lists say of a function, by its name as it stands in the statement.
func (j *Judge) listed(n Name) listed {
	if j == nil || len(j.ReadOnly)+len(j.Write) == 0 {
		return listedNowhere
	}
	j.mu.RLock()
	l, ok := j.known[n]
	j.mu.RUnlock()
	if ok {
		return l
	}
	l = j.look(n)
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.known) < maxKnown {
		j.known[n] = l
	}
	return l
}

// look: a writing function is one with any schema in front.
func (j *Judge) look(n Name) listed {
	name := n.Name
	if n.Schema != "" {
		name = n.Schema + "." + n.Name
	}
	switch {
	case match(j.Write, name) || match(j.Write, n.Name):
		return listedWriting
	case match(j.ReadOnly, name):
		return listedReading
	}
	return listedNowhere
}
