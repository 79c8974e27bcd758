package livesql

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// setOperation translates UNION, INTERSECT and EXCEPT.
func (t *translation) setOperation(s *scope, q *pg.SelectStmt) (selection, error) {
	left, err := t.query(s, q.Larg)
	if err != nil {
		return selection{}, err
	}
	right, err := t.query(s, q.Rarg)
	if err != nil {
		return selection{}, err
	}
	word := map[pg.SetOperation]string{pg.SetOperation_SETOP_UNION: "UNION",
		pg.SetOperation_SETOP_INTERSECT: "INTERSECT", pg.SetOperation_SETOP_EXCEPT: "EXCEPT"}[q.Op]
	made, err := united(left, right, word)
	if err != nil {
		return selection{}, err
	}
	switch {
	case q.All && word == "UNION":
		made.sql = "SELECT * FROM (" + left.sql + ") UNION ALL SELECT * FROM (" + right.sql + ")"
	case q.All:
		made.sql = "SELECT " + names(made.columns) + " FROM (" + t.numbered(left, made.columns) + " " + word + " " +
			t.numbered(right, made.columns) + ")"
	default:
		made.sql = "SELECT * FROM (" + left.sql + ") " + word + " SELECT * FROM (" + right.sql + ")"
	}
	order, err := t.order(s, q.SortClause, outputs(made.columns))
	made.sql += order
	return made, err
}

// united are the columns of two queries in one.
func united(left, right selection, word string) (selection, error) {
	if len(left.columns) != len(right.columns) {
		return selection{}, fail(codeSyntax, -1, "each %s query must have the same number of columns", word)
	}
	made := selection{columns: append([]Column{}, left.columns...), empty: make([]bool, len(left.columns))}
	for i := range left.columns {
		typ, ok := unified(left.columns[i].Type, right.columns[i].Type, left.empty[i], right.empty[i])
		if !ok {
			return selection{}, fail(codeDatatypeMismatch, -1, "%s types %s and %s cannot be matched", word,
				left.columns[i].Type, right.columns[i].Type)
		}
		made.columns[i].Type, made.empty[i] = typ, left.empty[i] && right.empty[i]
	}
	return made, nil
}

// numbered tells equal rows apart by a number, for INTERSECT ALL and EXCEPT ALL.
func (t *translation) numbered(made selection, columns []Column) string {
	alias, list := t.alias(), names(columns)
	return "SELECT * FROM (WITH " + alias + "(" + list + ") AS (" + made.sql + ") SELECT " + list +
		", row_number() OVER (PARTITION BY " + list + ") FROM " + alias + ")"
}

// unified is the type of a column of which two queries give the values.
func unified(a, b Type, aNull, bNull bool) (Type, bool) {
	switch {
	case aNull:
		return b, true
	case bNull, a == b:
		return a, true
	case alike(a, b):
		if a.rank() > b.rank() {
			return a, true
		}
		return b, true
	}
	return known(a), known(a) == known(b)
}

// values translates VALUES lists: every column has one type.
func (t *translation) values(s *scope, q *pg.SelectStmt) (selection, error) {
	var rows [][]expr
	for _, node := range q.ValuesLists {
		row, err := t.list(s, node.GetList().Items)
		if err != nil {
			return selection{}, err
		}
		if len(rows) > 0 && len(row) != len(rows[0]) {
			return selection{}, fail(codeSyntax, -1, "VALUES lists must all be the same length")
		}
		rows = append(rows, row)
	}
	made := selection{empty: make([]bool, len(rows[0]))}
	for i := range rows[0] {
		column := make([]expr, len(rows))
		for j := range rows {
			column[j] = rows[j][i]
		}
		typ, err := t.common(column, -1)
		if err != nil {
			return selection{}, err
		}
		for j := range rows {
			rows[j][i] = column[j]
		}
		made.columns = append(made.columns, Column{Name: fmt.Sprintf("column%d", i+1), Type: typ})
	}
	var texts []string
	for _, row := range rows {
		texts = append(texts, "("+join(row)+")")
	}
	made.sql = "SELECT * FROM (VALUES " + strings.Join(texts, ", ") + ")"
	order, err := t.order(s, q.SortClause, outputs(made.columns))
	made.sql += order
	return made, err
}

// outputs are columns that can only be named.
func outputs(columns []Column) []expr {
	list := make([]expr, len(columns))
	for i, c := range columns {
		list[i] = expr{name: c.Name, typ: c.Type}
	}
	return list
}
