package livesql

import pg "github.com/pganalyze/pg_query_go/v5"

// SQLite takes a column that is neither grouped nor aggregated from some row of its group.
// PostgreSQL refuses that, and so do we: column notes where such ones stand.

// looseColumn is one that stands outside of aggregates and grouped expressions.
type looseColumn struct {
	name string
	at   int32
}

// grouping is what a query groups by.
type grouping struct {
	texts   map[string]bool // of grouped expressions
	loose   []looseColumn
	applies bool // there is GROUP BY, HAVING or an aggregate
	unsure  bool // a grouped expression has a subquery, whose text is never the same again
}

// groupedBy finds out what is grouped, before anything else is translated.
func (t *translation) groupedBy(s *scope, q *pg.SelectStmt) error {
	s.grouping = grouping{texts: map[string]bool{}, applies: len(q.GroupClause) > 0 || q.HavingClause != nil}
	s.clause = inGroup
	defer func() { s.clause = inTargets }()
	aliases := t.aliases
	for _, node := range q.GroupClause {
		n, ok, err := position(node, len(q.TargetList), "GROUP BY")
		if err != nil {
			return err
		}
		if ok {
			node = q.TargetList[n-1].GetResTarget().Val
		}
		e, err := t.expression(s, node)
		if target := targetNamed(node, q); err != nil && target != nil {
			e, err = t.expression(s, target)
		}
		if err != nil { // t.group says so
			s.grouping.unsure = true
		}
		s.grouping.texts[e.sql] = true
	}
	s.grouping.unsure = s.grouping.unsure || t.aliases != aliases
	return nil
}

// targetNamed is what the result's column with a bare name is made of.
func targetNamed(node *pg.Node, q *pg.SelectStmt) *pg.Node {
	c := node.GetColumnRef()
	if c == nil || len(c.Fields) != 1 || c.Fields[0].GetString_() == nil {
		return nil
	}
	for _, target := range q.TargetList {
		if target.GetResTarget().Name == c.Fields[0].GetString_().Sval {
			return target.GetResTarget().Val
		}
	}
	return nil
}

// note takes down a column that a query mentions, or a subquery in it.
func (s *scope) note(c expr, name string, at int32) {
	if (s.clause == inTargets || s.clause == inHaving) && !s.grouping.texts[c.sql] {
		s.grouping.loose = append(s.grouping.loose, looseColumn{name, at})
	}
}

// ungrouped is the error of a query that is grouped and has loose columns.
func (t *translation) ungrouped(s *scope) error {
	g := s.grouping
	if !g.applies || g.unsure || len(g.loose) == 0 || t.onlySystem() {
		return nil
	}
	return fail(codeGrouping, g.loose[0].at, "column %q must appear in the GROUP BY clause or be used in an aggregate function", g.loose[0].name)
}
