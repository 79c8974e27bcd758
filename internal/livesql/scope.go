package livesql

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// relation is something in a FROM clause.
type relation struct {
	name    string
	columns []Column
	alias   string   // in SQLite's text, unique in the query
	refs    []string // what its columns are there, if not alias."name"
}

func (r relation) find(column string) (Column, bool) {
	for _, c := range r.columns {
		if c.Name == column {
			return c, true
		}
	}
	return Column{}, false
}

// scope is the names that an expression may use; those of the query around it
// come after its own.
type scope struct {
	parent    *scope
	relations []relation
	merged    map[string]bool    // columns of USING: one for both sides
	ctes      map[string]cteName // of WITH
	windows   map[string]*pg.WindowDef
	clause    clause // that is being translated
	grouping  grouping
	joined    string // a function of the select list, beside what FROM has
}

// clause is a part of a query in which not everything may stand.
type clause int

const (
	inTargets clause = iota // and in ORDER BY
	inWhere
	inGroup
	inHaving
	inAggregate
	inRows // of a function that gives rows
	inFrom
)

func (c clause) String() string {
	return [...]string{"the select list", "WHERE", "GROUP BY", "HAVING", "an aggregate's argument",
		"the arguments of a function that gives rows", "JOIN conditions"}[c]
}

type cteName struct {
	alias   string
	columns []Column
}

func (s *scope) inner() *scope {
	return &scope{parent: s, merged: map[string]bool{}, ctes: map[string]cteName{}}
}

func (s *scope) cte(name string) (cteName, bool) {
	for ; s != nil; s = s.parent {
		if c, ok := s.ctes[name]; ok {
			return c, true
		}
	}
	return cteName{}, false
}

// column resolves a name with or without its relation.
func (s *scope) column(parts []string, at int32) (expr, error) {
	name := parts[len(parts)-1]
	for in := s; in != nil; in = in.parent {
		found, count := in.here(parts[:len(parts)-1], name)
		if count > 1 {
			return expr{}, fail(codeAmbiguousColumn, at, "column reference %q is ambiguous", name)
		}
		if count == 1 {
			in.note(found, strings.Join(parts, "."), at)
			return found, nil
		}
	}
	if len(parts) > 1 && !s.knows(parts[len(parts)-2]) {
		return expr{}, fail(codeUndefinedTable, at, "missing FROM-clause entry for table %q", parts[len(parts)-2])
	}
	e := fail(codeUndefinedColumn, at, "column %q does not exist", strings.Join(parts, "."))
	e.Hint = didYouMean(name, s.columnNames())
	return expr{}, e
}

func (s *scope) columnNames() (names []string) {
	for ; s != nil; s = s.parent {
		for _, r := range s.relations {
			for _, c := range r.columns {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// here counts the matches among the scope's own relations.
func (s *scope) here(qualifier []string, name string) (found expr, count int) {
	for _, r := range s.relations {
		if len(qualifier) > 0 && r.name != qualifier[len(qualifier)-1] {
			continue
		}
		c, ok := r.find(name)
		if !ok {
			continue
		}
		if len(qualifier) == 0 && s.merged[name] {
			return expr{sql: quoteName(name), typ: c.Type, scale: c.Scale, name: name}, 1
		}
		found = r.reference(c)
		count++
	}
	return found, count
}

func (r relation) reference(c Column) expr {
	text := r.alias + "." + quoteName(c.Name)
	if r.refs != nil {
		text = r.refs[slices.IndexFunc(r.columns, func(other Column) bool { return other.Name == c.Name })]
	}
	return expr{sql: text, typ: known(c.Type), scale: c.Scale, name: c.Name}
}

func (s *scope) knows(name string) bool {
	for ; s != nil; s = s.parent {
		for _, r := range s.relations {
			if r.name == name {
				return true
			}
		}
	}
	return false
}

// known is text for what nothing gave a type.
func known(t Type) Type {
	if t == Unknown {
		return Text
	}
	return t
}

// star is every column, or those of one relation; nil when there is no such one.
func (s *scope) star(of string) []expr {
	var all []expr
	for name := range s.mergedInOrder() {
		if of == "" {
			e, _ := s.here(nil, name)
			all = append(all, e)
		}
	}
	for _, r := range s.relations {
		if of != "" && r.name != of {
			continue
		}
		for _, c := range r.columns {
			if of != "" || !s.merged[c.Name] {
				all = append(all, r.reference(c))
			}
		}
	}
	return all
}

// mergedInOrder gives the merged columns in the order of the first relation that
// has them.
func (s *scope) mergedInOrder() func(func(string) bool) {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, r := range s.relations {
			for _, c := range r.columns {
				if s.merged[c.Name] && !seen[c.Name] {
					seen[c.Name] = true
					if !yield(c.Name) {
						return
					}
				}
			}
		}
	}
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
