package livesql

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// from translates a FROM clause and brings its relations into the scope.
func (t *translation) from(s *scope, list []*pg.Node) (string, error) {
	s.clause = inFrom
	defer func() { s.clause = inTargets }()
	var parts []string
	for _, node := range list {
		text, err := t.item(s, node)
		if err != nil {
			return "", err
		}
		if node.GetJoinExpr() != nil && len(list) > 1 {
			text = "(" + text + ")"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " FROM " + strings.Join(parts, " JOIN "), nil
}

func (t *translation) item(s *scope, node *pg.Node) (string, error) {
	switch n := node.GetNode().(type) {
	case *pg.Node_RangeVar:
		return t.table(s, n.RangeVar)
	case *pg.Node_JoinExpr:
		return t.join(s, n.JoinExpr)
	case *pg.Node_RangeSubselect:
		return t.subselect(s, n.RangeSubselect)
	case *pg.Node_RangeFunction:
		return t.rangeFunction(s, n.RangeFunction)
	}
	return "", unsupported(-1, "this kind of FROM clause")
}

// table finds a CTE or a table.
func (t *translation) table(s *scope, v *pg.RangeVar) (string, error) {
	if c, ok := s.cte(v.Relname); ok && v.Schemaname == "" {
		return t.enter(s, relation{name: v.Relname, columns: c.columns}, v.Alias, c.alias, v.Location)
	}
	found, err := t.catalog.find(v)
	if err != nil {
		return "", err
	}
	if found == nil {
		return "", errStrange
	}
	t.reads(found)
	return t.enter(s, found.relation(), v.Alias, quoteName(found.Name), v.Location)
}

func (t *translation) reads(table *Table) {
	for _, known := range t.tables {
		if known == table {
			return
		}
	}
	t.tables = append(t.tables, table)
}

// enter adds a relation to the scope under its alias.
func (t *translation) enter(s *scope, r relation, alias *pg.Alias, text string, at int32) (string, error) {
	if alias != nil {
		r.name = alias.Aliasname
	}
	for _, other := range s.relations {
		if r.name != "" && other.name == r.name {
			return "", fail(codeDuplicateAlias, at, "table name %q specified more than once", r.name)
		}
	}
	if r.alias == "" {
		r.alias = t.alias()
	}
	if alias != nil && len(alias.Colnames) > 0 {
		inner := r.columns
		r.columns = renamed(r.columns, alias.Colnames)
		if r.refs == nil {
			text = "(SELECT " + renaming(inner, r.columns) + " FROM " + text + ")"
		}
	}
	s.relations = append(s.relations, r)
	return text + " AS " + r.alias, nil
}

func renaming(from, to []Column) string {
	parts := make([]string, len(from))
	for i := range from {
		parts[i] = quoteName(from[i].Name) + " AS " + quoteName(to[i].Name)
	}
	return strings.Join(parts, ", ")
}

func (t *translation) subselect(s *scope, r *pg.RangeSubselect) (string, error) {
	if r.Lateral {
		return t.lateral(s, r)
	}
	made, err := t.query(&scope{parent: s.parent, ctes: s.ctes}, r.Subquery.GetSelectStmt())
	if err != nil {
		return "", err
	}
	return t.enter(s, relation{columns: made.columns}, r.Alias, "("+made.sql+")", -1)
}

func (t *translation) join(s *scope, j *pg.JoinExpr) (string, error) {
	if j.Alias != nil || j.JoinUsingAlias != nil {
		return "", unsupported(-1, "an alias for a join")
	}
	first := len(s.relations)
	left, err := t.item(s, j.Larg)
	if err != nil {
		return "", err
	}
	second := len(s.relations)
	right, err := t.item(s, j.Rarg)
	if err != nil {
		return "", err
	}
	word, ok := map[pg.JoinType]string{pg.JoinType_JOIN_INNER: " JOIN ", pg.JoinType_JOIN_LEFT: " LEFT JOIN ",
		pg.JoinType_JOIN_RIGHT: " RIGHT JOIN ", pg.JoinType_JOIN_FULL: " FULL JOIN "}[j.Jointype]
	if !ok {
		return "", unsupported(-1, "this kind of join")
	}
	on, err := t.joinCondition(s, j, s.relations[first:second], s.relations[second:])
	if err != nil {
		return "", err
	}
	if j.Rarg.GetJoinExpr() != nil {
		right = "(" + right + ")"
	}
	return left + word + right + on, nil
}

func (t *translation) joinCondition(s *scope, j *pg.JoinExpr, left, right []relation) (string, error) {
	var shared []string
	switch {
	case j.IsNatural:
		shared = sharedColumns(left, right)
	case len(j.UsingClause) > 0:
		for _, node := range j.UsingClause {
			shared = append(shared, node.GetString_().Sval)
		}
	case j.Quals != nil:
		e, err := t.boolean(s, j.Quals)
		return " ON " + e.sql, err
	}
	var quoted []string
	for _, name := range shared {
		if !has(left, name) || !has(right, name) {
			return "", fail(codeUndefinedColumn, -1, "column %q specified in USING clause does not exist in both tables", name)
		}
		for _, r := range s.relations {
			if _, ok := r.find(name); ok && r.refs != nil {
				return "", unsupported(-1, "USING with what is LATERAL")
			}
		}
		s.merged[name] = true
		quoted = append(quoted, quoteName(name))
	}
	if len(quoted) == 0 {
		return " ON TRUE", nil
	}
	return " USING (" + strings.Join(quoted, ", ") + ")", nil
}

func has(relations []relation, column string) bool {
	for _, r := range relations {
		if _, ok := r.find(column); ok {
			return true
		}
	}
	return false
}

func sharedColumns(left, right []relation) []string {
	var shared []string
	for _, r := range left {
		for _, c := range r.columns {
			if has(right, c.Name) {
				shared = append(shared, c.Name)
			}
		}
	}
	return shared
}
