package sqlparse

import "testing"

func TestParting(t *testing.T) {
	for _, c := range []struct {
		sql, behind string
		first       bool
	}{
		{"commit; select 1", " select 1", true},
		{"/* ; */ rollback work;insert into t values (1); commit", "insert into t values (1); commit", true},
		{"end;begin", "begin", true},
		{"select ';'; commit and chain; select 1", " select 1", false},
		{"prepare transaction 'a;b'; select 1", " select 1", true},
		{"rollback to a; commit;; select 'é'", " select 'é'", false},
		{"commit", "", true},
		{"commit; -- that's all", "", true},
		{"select 1; commit", "", false},
		{"savepoint a; select 1", "", false},
		{"rollback prepared 'x'; select 1", "", false},
		{"commit; selec", "", false},
		{"", "", false},
	} {
		n, first := Parting(c.sql)
		behind := ""
		if n > 0 {
			behind = c.sql[n:]
		}
		if behind != c.behind || first != c.first {
			t.Errorf("%s: behind %q, first %v; want %q, %v", c.sql, behind, first, c.behind, c.first)
		}
	}
}
