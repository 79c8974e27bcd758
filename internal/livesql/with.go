package livesql

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

func (t *translation) with(s *scope, w *pg.WithClause) (string, error) {
	if w == nil {
		return "", nil
	}
	var parts []string
	for _, node := range w.Ctes {
		c := node.GetCommonTableExpr()
		q := c.Ctequery.GetSelectStmt()
		if q == nil {
			return "", unsupported(c.Location, "a statement that writes")
		}
		alias := t.alias()
		made, err := t.part(s, c, q, alias, w.Recursive)
		if err != nil {
			return "", err
		}
		columns := renamed(made.columns, c.Aliascolnames)
		s.ctes[c.Ctename] = cteName{alias, columns}
		parts = append(parts, alias+"("+names(columns)+") AS ("+made.sql+")")
	}
	return "WITH RECURSIVE " + strings.Join(parts, ", ") + " ", nil
}

// part is one query of WITH.
func (t *translation) part(s *scope, c *pg.CommonTableExpr, q *pg.SelectStmt, alias string, recursive bool) (selection, error) {
	if c.SearchClause != nil || c.CycleClause != nil {
		return selection{}, unsupported(c.Location, "SEARCH or CYCLE")
	}
	if recursive && q.Op == pg.SetOperation_SETOP_UNION && len(q.SortClause) == 0 && q.LimitCount == nil && q.LimitOffset == nil && q.WithClause == nil {
		return t.recursion(s, c, q, alias)
	}
	return t.query(s, q)
}

// recursion is begin UNION [ALL] step, of which the step may read what is being made.
// SQLite wants the step to stand there as it is.
func (t *translation) recursion(s *scope, c *pg.CommonTableExpr, q *pg.SelectStmt, alias string) (selection, error) {
	begin, err := t.query(s, q.Larg)
	if err != nil {
		return selection{}, err
	}
	s.ctes[c.Ctename] = cteName{alias, renamed(begin.columns, c.Aliascolnames)}
	step, err := t.query(s, q.Rarg)
	if err != nil {
		return selection{}, err
	}
	made, err := united(begin, step, "UNION")
	all := map[bool]string{true: "ALL ", false: ""}[q.All]
	made.sql = "SELECT * FROM (" + begin.sql + ") UNION " + all + step.sql
	return made, err
}
