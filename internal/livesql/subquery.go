package livesql

import pg "github.com/pganalyze/pg_query_go/v5"

func (t *translation) subLink(s *scope, l *pg.SubLink) (expr, error) {
	if l.SubLinkType == pg.SubLinkType_ARRAY_SUBLINK && t.onlySystem() {
		return expr{sql: "NULL", typ: Text, name: "array"}, nil // options and privileges, which our relations have not
	}
	made, err := t.query(s, l.Subselect.GetSelectStmt())
	if err != nil {
		return expr{}, err
	}
	if l.SubLinkType == pg.SubLinkType_EXISTS_SUBLINK {
		return expr{sql: "EXISTS (" + made.sql + ")", typ: Bool, name: "exists"}, nil
	}
	if rowOf(l.Testexpr) != nil && l.SubLinkType == pg.SubLinkType_ANY_SUBLINK && len(l.OperName) == 0 {
		return t.rowIn(s, l, made)
	}
	if len(made.columns) != 1 {
		return expr{}, fail(codeSyntax, l.Location, "subquery must return only one column")
	}
	column := made.columns[0]
	switch l.SubLinkType {
	case pg.SubLinkType_ARRAY_SUBLINK:
		return t.arrayOfRows(made, l.Location)
	case pg.SubLinkType_EXPR_SUBLINK:
		text := "(WITH x(v) AS (" + made.sql + ") SELECT pg_only(v) FROM x)" // SQLite would take the first row
		return expr{sql: text, typ: known(column.Type), scale: column.Scale, name: column.Name}, nil
	case pg.SubLinkType_ANY_SUBLINK:
		if len(l.OperName) == 0 || l.OperName[0].GetString_().Sval == "=" {
			return t.inSubquery(s, l, made)
		}
		return t.quantified(s, l, made)
	case pg.SubLinkType_ALL_SUBLINK:
		return t.quantified(s, l, made)
	}
	return expr{}, unsupported(l.Location, "this kind of subquery")
}

func (t *translation) inSubquery(s *scope, l *pg.SubLink, made selection) (expr, error) {
	e, err := t.expression(s, l.Testexpr)
	if err != nil {
		return e, err
	}
	pair := []expr{e, {sql: "", typ: known(made.columns[0].Type)}}
	_, err = t.common(pair, l.Location)
	return condition("(" + pair[0].sql + " IN (" + made.sql + "))"), err
}
