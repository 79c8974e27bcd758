package livesql

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// crowded has two tables of n rows that have something to do with each other.
func crowded(n int) *Catalog {
	rows := func(context.Context) (all [][]any, err error) {
		for i := range n {
			var link any = fmt.Sprintf("s%d", i)
			if i%10 == 0 {
				link = nil
			}
			all = append(all, []any{i, "idle", link, float64(i) / 2})
		}
		return all, nil
	}
	made := []Column{{Name: "id", Type: Int8}, {Name: "state", Type: Text}, {Name: "link", Type: Text}, {Name: "half", Type: Numeric}}
	return NewCatalog([]*Table{{Name: "clients", Columns: made, Rows: rows}, {Name: "servers", Columns: made, Rows: rows}})
}

// Ensure that rows that are looked up are those that a condition asks for.
func TestLookups(t *testing.T) {
	c := crowded(100)
	for _, x := range []struct{ sql, want string }{
		{"SELECT count(*) FROM clients c JOIN servers s ON s.id = c.id", "100"},
		{"SELECT count(*) FROM clients c JOIN servers s USING (link)", "90"},
		{"SELECT count(*) FROM clients c JOIN servers s ON s.state = c.state AND s.id = c.id", "100"},
		{"SELECT count(*) FROM clients c JOIN servers s ON s.state = c.state", "10000"},
		{"SELECT count(*) FROM clients c LEFT JOIN servers s ON s.link = c.link WHERE s.id IS NULL", "10"},
		{"SELECT count(*) FROM clients c JOIN servers s ON s.half = c.id", "50"},
		{"SELECT count(*) FROM clients c JOIN servers s ON s.id = c.half", "50"},
		{"SELECT count(*) FROM clients WHERE id = 7 OR id = 8 OR link = 's7'", "2"},
		{"SELECT count(*) FROM clients WHERE half = 1.50", "1"},
		{"SELECT count(*) FROM clients WHERE id = 1e1", "1"},
		{"SELECT count(*) FROM clients WHERE id = '10'", "1"},
		{"SELECT count(*) FROM clients WHERE id IN (1, 2, 300)", "2"},
		{"SELECT count(*) FROM clients WHERE link = NULL", "0"},
		{"SELECT count(*) FROM clients c WHERE EXISTS (SELECT 1 FROM servers s WHERE s.link = c.link AND s.half > 40)", "18"},
		{"SELECT id FROM clients WHERE state = 'idle' ORDER BY id DESC LIMIT 1", "99"},
	} {
		q, err := c.Prepare(x.sql, nil, Env{})
		if err != nil {
			t.Errorf("%s: %v", x.sql, err)
			continue
		}
		rows, err := q.Run(t.Context(), nil)
		if err != nil || len(rows) != 1 || fmt.Sprint(rows[0][0]) != x.want {
			t.Errorf("%s: %v, %v, want %s", x.sql, rows, err, x.want)
		}
	}
}

// Ensure that a join of ten thousand clients does not look at every pair of them,
// which would take ten seconds and more.
func TestLargeJoin(t *testing.T) {
	q, err := crowded(10000).Prepare("SELECT count(*) FROM clients c JOIN servers s ON s.link = c.link JOIN servers x ON x.id = s.id", nil, Env{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	rows, err := q.Run(t.Context(), nil)
	if took := time.Since(began); err != nil || fmt.Sprint(rows) != "[[9000]]" || took > 5*time.Second {
		t.Errorf("%v, %v after %v", rows, err, took)
	}
}
