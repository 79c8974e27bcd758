package sqlparse

import pg "github.com/pganalyze/pg_query_go/v5"

// Parting finds the first statement of sql that ends a transaction block. n is the
// length of the text up to its end, the semicolon included, and 0 if there is no such
// statement or none behind it; first is true if none stands in front of it either.
func Parting(sql string) (n int, first bool) {
	tree, err := parseAny(sql)
	if err != nil {
		return 0, false
	}
	for i, s := range tree.Stmts {
		if !endsBlock(s) {
			continue
		}
		if i+1 < len(tree.Stmts) {
			n = int(tree.Stmts[i+1].StmtLocation)
		}
		return n, i == 0
	}
	return 0, false
}

func endsBlock(s *pg.RawStmt) bool {
	n := s.Stmt.GetTransactionStmt()
	return n != nil && judgeTransaction(n).traits.Has(Ends)
}
