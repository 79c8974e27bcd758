package livesql

import (
	"context"
	"fmt"
	"time"
)

// Column is a column of a table or of a result.
type Column struct {
	Name  string
	Type  Type
	Scale int // digits behind the point of a numeric; 0 = as many as needed
}

// Table is a relation whose rows are made when it is read.
type Table struct {
	Name    string
	Help    string // what obj_description tells
	Columns []Column
	// Rows gives the rows now. A value is nil, a string, bool, integer, float64,
	// time.Time (zero is NULL) or time.Duration.
	Rows func(ctx context.Context) ([][]any, error)
}

// relation is a table as the translation sees it.
func (t *Table) relation() relation {
	return relation{name: t.Name, columns: t.Columns}
}

// Normal turns a row's values into those that SQLite knows and Append takes.
func Normal(row []any) []any {
	out := make([]any, len(row))
	for i, v := range row {
		out[i] = normal(v)
	}
	return out
}

func normal(v any) any {
	switch v := v.(type) {
	case nil, string, int64, float64:
		return v
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return int64(v)
	case time.Duration:
		return v.Microseconds()
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return v.UnixMicro()
	}
	return fmt.Sprint(v)
}
