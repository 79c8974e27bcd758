package livesql

import (
	"strconv"

	"modernc.org/sqlite/vtab"
)

// lookup finds the rows that have a value in a column, by number and in order.
// SQLite makes no index of its own for a virtual table: without one, a join of two
// tables looks at every pair of rows.
type lookup map[string][]int

func makeLookup(rows [][]any, column int) lookup {
	made := lookup{}
	for i, row := range rows {
		if key, ok := lookupKey(row[column]); ok {
			made[key] = append(made[key], i)
		}
	}
	return made
}

// lookupKey is the same for values that may be equal, which SQLite decides; NULL
// equals nothing.
func lookupKey(v any) (key string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// lookupOf is the lookup of a column, made when somebody first asks for it.
func (t *liveTable) lookupOf(column int) lookup {
	if t.lookups[column] == nil {
		t.lookups[column] = makeLookup(t.rows, column)
	}
	return t.lookups[column]
}

// BestIndex has rows looked up by the condition that leaves the fewest of them.
func (t *liveTable) BestIndex(info *vtab.IndexInfo) error {
	least, by := len(t.rows), -1
	for i, c := range info.Constraints {
		if c.Op != vtab.OpEQ || !c.Usable || c.Column < 0 {
			continue
		}
		if n := len(t.rows) / max(len(t.lookupOf(c.Column)), 1); by < 0 || n < least {
			least, by = n, i
		}
	}
	if by >= 0 {
		info.Constraints[by].ArgIndex = 0
		info.IdxNum = int64(info.Constraints[by].Column) + 1 // 0: all rows
	}
	info.EstimatedRows = int64(least)
	info.EstimatedCost = float64(least + 1)
	return nil
}

// Filter begins with the rows that BestIndex has promised.
func (c *cursor) Filter(index int, _ string, values []vtab.Value) error {
	c.at, c.chosen, c.all = 0, nil, index == 0
	if !c.all {
		if key, ok := lookupKey(normal(values[0])); ok {
			c.chosen = c.table.lookupOf(index - 1)[key]
		}
	}
	return nil
}

// row is the number of the present row.
func (c *cursor) row() int {
	if c.all {
		return c.at
	}
	return c.chosen[c.at]
}

// Eof is vtab.Cursor's.
func (c *cursor) Eof() bool {
	if c.all {
		return c.at >= len(c.table.rows)
	}
	return c.at >= len(c.chosen)
}
