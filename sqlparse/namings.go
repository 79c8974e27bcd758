package sqlparse

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Naming is one PREPARE or DEALLOCATE of a name.
type Naming struct {
	Name  string
	Text  string // of PREPARE alone; "" for DEALLOCATE
	Inner *Facts // of the statement that PREPARE keeps
}

// Namings are the statements of a text with the trait Prepares that give or free a
// name, in order; DEALLOCATE ALL and DISCARD are not among them.
func Namings(sql string) (list []Naming) {
	tree, err := parseAny(sql)
	if err != nil {
		return nil
	}
	for _, s := range tree.Stmts {
		if n := s.Stmt.GetPrepareStmt(); n != nil {
			list = append(list, Naming{n.Name, textOf(s, sql), sum([]verdict{judge(n.Query)})})
		}
		if n := s.Stmt.GetDeallocateStmt(); n.GetName() != "" {
			list = append(list, Naming{Name: n.Name})
		}
	}
	return list
}

// textOf cuts one statement out; length 0 is the rest.
func textOf(s *pg.RawStmt, sql string) string {
	text := sql[s.StmtLocation:]
	if s.StmtLen > 0 {
		text = text[:s.StmtLen]
	}
	return strings.TrimSpace(text)
}
