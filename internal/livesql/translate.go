package livesql

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// translation writes one query in SQLite's words.
type translation struct {
	catalog *Catalog
	env     Env
	params  []Type
	tables  []*Table // that are read, each once
	aliases int
}

// selection is a translated SELECT.
type selection struct {
	sql     string
	columns []Column
	empty   []bool // by column: it is the constant NULL, of no type of its own
}

// alias makes a name for a relation that no other has.
func (t *translation) alias() string {
	t.aliases++
	return "r" + strconv.Itoa(t.aliases)
}

// query translates a SELECT with everything that may surround it.
func (t *translation) query(s *scope, q *pg.SelectStmt) (selection, error) {
	if err := refuse(q); err != nil {
		return selection{}, err
	}
	in := s.inner()
	with, err := t.with(in, q.WithClause)
	if err != nil {
		return selection{}, err
	}
	var made selection
	switch {
	case q.Op != pg.SetOperation_SETOP_NONE:
		made, err = t.setOperation(in, q)
	case len(q.ValuesLists) > 0:
		made, err = t.values(in, q)
	default:
		made, err = t.plain(in, q)
	}
	if err != nil {
		return selection{}, err
	}
	limit, err := t.limit(q)
	made.sql = with + made.sql + limit
	return made, err
}

func refuse(q *pg.SelectStmt) error {
	switch {
	case q.IntoClause != nil:
		return unsupported(-1, "SELECT INTO")
	case len(q.LockingClause) > 0:
		return unsupported(-1, "FOR UPDATE")
	case q.LimitOption == pg.LimitOption_LIMIT_OPTION_WITH_TIES:
		return unsupported(-1, "WITH TIES")
	}
	return nil
}

// renamed gives columns the names of an alias list.
func renamed(columns []Column, aliases []*pg.Node) []Column {
	out := append([]Column{}, columns...)
	for i, a := range aliases {
		if i < len(out) {
			out[i].Name = a.GetString_().Sval
		}
	}
	return out
}

func names(columns []Column) string {
	var list []string
	for _, c := range columns {
		list = append(list, quoteName(c.Name))
	}
	return strings.Join(list, ", ")
}

// plain translates SELECT ... FROM ... WHERE ... GROUP BY ... HAVING ... ORDER BY.
func (t *translation) plain(s *scope, q *pg.SelectStmt) (selection, error) {
	from, err := t.from(s, q.FromClause)
	if err != nil {
		return selection{}, err
	}
	if s.windows, err = named(q.WindowClause); err != nil {
		return selection{}, err
	}
	if err := t.groupedBy(s, q); err != nil {
		return selection{}, err
	}
	targets, err := t.targets(s, q)
	if err != nil {
		return selection{}, err
	}
	switch {
	case s.joined != "" && from == "":
		from = " FROM " + s.joined
	case s.joined != "":
		from += " JOIN " + s.joined
	}
	where, err := t.condition(s, inWhere, q.WhereClause)
	if err != nil {
		return selection{}, err
	}
	group, err := t.group(s, q.GroupClause, targets)
	if err != nil {
		return selection{}, err
	}
	having, err := t.condition(s, inHaving, q.HavingClause)
	if err != nil {
		return selection{}, err
	}
	rest := from + where + group + having
	made, err := t.sorted(s, q, targets, rest)
	if err != nil {
		return selection{}, err
	}
	return made, t.ungrouped(s)
}

// sorted is a SELECT with DISTINCT and ORDER BY; rest is what stands from FROM to HAVING.
func (t *translation) sorted(s *scope, q *pg.SelectStmt, targets []expr, rest string) (selection, error) {
	if len(q.DistinctClause) > 0 && q.DistinctClause[0].GetNode() != nil {
		return t.distinctOn(s, q, targets, rest)
	}
	made := selectionOf(targets)
	if len(targets) == 0 { // of EXISTS (SELECT FROM ...)
		made.sql = "1"
	}
	distinct := ""
	if len(q.DistinctClause) > 0 {
		distinct = "DISTINCT "
	}
	order, err := t.order(s, q.SortClause, targets)
	made.sql = "SELECT " + distinct + made.sql + rest + order
	return made, err
}

// condition translates WHERE or HAVING, if it is there.
func (t *translation) condition(s *scope, in clause, node *pg.Node) (string, error) {
	if node == nil {
		return "", nil
	}
	s.clause = in
	e, err := t.boolean(s, node)
	s.clause = inTargets
	return " " + in.String() + " " + e.sql, err
}

// selectionOf writes the target list; its sql is only that.
func selectionOf(targets []expr) selection {
	var made selection
	var parts []string
	for _, e := range targets {
		parts = append(parts, e.sql+" AS "+quoteName(e.name))
		made.columns = append(made.columns, Column{e.name, e.typ, e.scale})
		made.empty = append(made.empty, e.null)
	}
	made.sql = strings.Join(parts, ", ")
	return made
}

func (t *translation) targets(s *scope, q *pg.SelectStmt) ([]expr, error) {
	var all []expr
	for _, node := range q.TargetList {
		target := node.GetResTarget()
		if stars, of, at := starOf(target.Val); stars {
			columns := s.star(of)
			if len(columns) == 0 {
				return nil, fail(codeUndefinedTable, at, "missing FROM-clause entry for *")
			}
			for _, c := range columns {
				s.note(c, c.name, at)
			}
			all = append(all, columns...)
			continue
		}
		e, err := t.target(s, q, target.Val)
		if err != nil {
			return nil, err
		}
		e.name = outputName(target, e)
		all = append(all, e)
	}
	return all, nil
}

func (t *translation) target(s *scope, q *pg.SelectStmt, node *pg.Node) (expr, error) {
	if call := node.GetFuncCall(); isSetReturning(call) {
		return t.inTarget(s, q, call)
	}
	return t.expression(s, node)
}

// outputName is the name PostgreSQL gives a column of the result.
func outputName(target *pg.ResTarget, e expr) string {
	switch {
	case target.Name != "":
		return target.Name
	case e.name != "":
		return e.name
	}
	return "?column?"
}

// starOf recognises * and relation.*.
func starOf(node *pg.Node) (is bool, of string, at int32) {
	c := node.GetColumnRef()
	if c == nil || c.Fields[len(c.Fields)-1].GetAStar() == nil {
		return false, "", -1
	}
	if len(c.Fields) > 1 {
		of = c.Fields[len(c.Fields)-2].GetString_().Sval
	}
	return true, of, c.Location
}

func (t *translation) group(s *scope, list []*pg.Node, targets []expr) (string, error) {
	s.clause = inGroup
	defer func() { s.clause = inTargets }()
	var parts []string
	for _, node := range list {
		if node.GetGroupingSet() != nil {
			return "", unsupported(node.GetGroupingSet().Location, "GROUPING SETS, ROLLUP or CUBE")
		}
		if n, ok, err := position(node, len(targets), "GROUP BY"); err != nil || ok {
			if err != nil {
				return "", err
			}
			parts = append(parts, strconv.Itoa(n))
			continue
		}
		e, err := t.expression(s, node)
		if err != nil {
			if i := outputNamed(node, targets); i > 0 {
				parts = append(parts, strconv.Itoa(i))
				continue
			}
			return "", err
		}
		parts = append(parts, e.sql)
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " GROUP BY " + strings.Join(parts, ", "), nil
}

// position reads an item that is the number of a column of the result.
func position(node *pg.Node, columns int, clause string) (n int, ok bool, err error) {
	c := node.GetAConst()
	if c == nil || c.GetIval() == nil {
		return 0, false, nil
	}
	n = int(c.GetIval().Ival)
	if n < 1 || n > columns {
		return 0, false, fail(codeInvalidReference, c.Location, "%s position %d is not in select list", clause, n)
	}
	return n, true, nil
}

// outputNamed is the number of the result's column with a bare name; 0 for none.
func outputNamed(node *pg.Node, targets []expr) int {
	c := node.GetColumnRef()
	if c == nil || len(c.Fields) != 1 || c.Fields[0].GetString_() == nil {
		return 0
	}
	for i, e := range targets {
		if e.name == c.Fields[0].GetString_().Sval {
			return i + 1
		}
	}
	return 0
}

// order sorts NULLs where PostgreSQL does. targets may be all that can be named.
func (t *translation) order(s *scope, list []*pg.Node, targets []expr) (string, error) {
	var parts []string
	for _, node := range list {
		by := node.GetSortBy()
		if len(by.UseOp) > 0 {
			return "", unsupported(by.Location, "ORDER BY ... USING")
		}
		text, err := t.sortKey(s, by.Node, targets)
		if err != nil {
			return "", err
		}
		parts = append(parts, text+direction(by))
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " ORDER BY " + strings.Join(parts, ", "), nil
}

func (t *translation) sortKey(s *scope, node *pg.Node, targets []expr) (string, error) {
	n, ok, err := position(node, len(targets), "ORDER BY")
	if err != nil {
		return "", err
	}
	if !ok {
		n = outputNamed(node, targets)
	}
	if n > 0 {
		return strconv.Itoa(n), nil
	}
	e, err := t.expression(s, node)
	return e.sql, err
}

func direction(by *pg.SortBy) string {
	descending := by.SortbyDir == pg.SortByDir_SORTBY_DESC
	nullsFirst := descending
	switch by.SortbyNulls {
	case pg.SortByNulls_SORTBY_NULLS_FIRST:
		nullsFirst = true
	case pg.SortByNulls_SORTBY_NULLS_LAST:
		nullsFirst = false
	}
	return map[bool]string{true: " DESC", false: " ASC"}[descending] +
		map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[nullsFirst]
}

func (t *translation) limit(q *pg.SelectStmt) (string, error) {
	if q.LimitCount == nil && q.LimitOffset == nil {
		return "", nil
	}
	count, err := t.rowCount(q.LimitCount)
	if err != nil {
		return "", err
	}
	text := " LIMIT coalesce(" + count + ", -1)"
	if q.LimitOffset != nil {
		offset, err := t.rowCount(q.LimitOffset)
		if err != nil {
			return "", err
		}
		text += " OFFSET coalesce(" + offset + ", 0)"
	}
	return text, nil
}

func (t *translation) rowCount(node *pg.Node) (string, error) {
	if node == nil || node.GetAConst().GetIsnull() {
		return "NULL", nil
	}
	e, err := t.typed(&scope{}, node, Int8)
	if n := node.GetAConst().GetIval(); n == nil || n.Ival < 0 {
		e.sql = "pg_rows(" + e.sql + ")"
	}
	return e.sql, err
}

func join(list []expr) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.sql
	}
	return strings.Join(texts, ", ")
}
