package livesql

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// distinctOn translates SELECT DISTINCT ON (a) ... ORDER BY a, b: the first row of each
// a. It numbers the rows of each in the query's order, and keeps what has number 1.
// rest is everything from FROM to HAVING.
func (t *translation) distinctOn(s *scope, q *pg.SelectStmt, targets []expr, rest string) (selection, error) {
	var on []string
	for _, node := range q.DistinctClause {
		key, err := t.sortKey(s, node, targets)
		if err != nil {
			return selection{}, err
		}
		on = append(on, written(key, targets))
	}
	var keys, order []string
	if len(q.SortClause) == 0 {
		keys, order = on, make([]string, len(on))
	}
	for _, node := range q.SortClause {
		key, err := t.sortKey(s, node.GetSortBy().Node, targets)
		if err != nil {
			return selection{}, err
		}
		keys, order = append(keys, written(key, targets)), append(order, direction(node.GetSortBy()))
	}
	for i, key := range keys[:min(len(on), len(keys))] {
		if !contains(on, key) {
			return selection{}, fail(codeInvalidReference, locationOf(q.DistinctClause[i]),
				"SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
	}
	return t.firstOfEach(targets, on, keys, order, rest), nil
}

func contains(list []string, text string) bool {
	for _, other := range list {
		if other == text {
			return true
		}
	}
	return false
}

// written is a sort key as an expression; that of a column of the result is its number.
func written(key string, targets []expr) string {
	if n, err := strconv.Atoi(key); err == nil && n >= 1 && n <= len(targets) {
		return targets[n-1].sql
	}
	return key
}

func (t *translation) firstOfEach(targets []expr, on, keys, order []string, rest string) selection {
	made := selectionOf(targets)
	var inner, outer, by, sorted []string
	for i, e := range targets {
		column := quoteName("c" + strconv.Itoa(i))
		inner = append(inner, e.sql+" AS "+column)
		outer = append(outer, column+" AS "+quoteName(e.name))
	}
	for i, key := range keys {
		column := quoteName("k" + strconv.Itoa(i))
		inner = append(inner, key+" AS "+column)
		by = append(by, key+order[i])
		sorted = append(sorted, column+order[i])
	}
	number := "row_number() OVER (PARTITION BY " + strings.Join(on, ", ") + " ORDER BY " + strings.Join(by, ", ") + ") AS n"
	made.sql = "SELECT " + strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(append(inner, number), ", ") + rest +
		") AS " + t.alias() + " WHERE n = 1 ORDER BY " + strings.Join(sorted, ", ")
	return made
}
