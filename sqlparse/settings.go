package sqlparse

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Setting is one SET or RESET of a configuration parameter.
type Setting struct {
	Name     string // in lower case, without quotes; "" if ResetAll. Quote it in SQL: "app.user" has a reserved word
	Value    string // SQL that can stand behind SET "name" TO; "" for a reset
	Reset    bool   // RESET name, SET name TO DEFAULT
	ResetAll bool   // RESET ALL
	Local    bool   // SET LOCAL
}

// SQL is the statement that repeats the setting on another server.
func (s Setting) SQL() string {
	switch {
	case s.ResetAll:
		return "RESET ALL"
	case s.Reset && s.Local:
		return `SET LOCAL "` + s.Name + `" TO DEFAULT`
	case s.Reset:
		return `RESET "` + s.Name + `"`
	case s.Local:
		return `SET LOCAL "` + s.Name + `" TO ` + s.Value
	}
	return `SET "` + s.Name + `" TO ` + s.Value
}

// Settings returns the SET and RESET statements of sql in order. It is false when any
// statement is something else, or of a form that can't be repeated on another server
// at another time: SET ROLE, SET TRANSACTION, SET TIME ZONE INTERVAL and such.
func Settings(sql string) ([]Setting, bool) {
	tree, err := parseAny(sql)
	if err != nil || len(tree.Stmts) == 0 {
		return nil, false
	}
	list := make([]Setting, 0, len(tree.Stmts))
	for _, s := range tree.Stmts {
		set := s.Stmt.GetVariableSetStmt()
		if set == nil {
			return nil, false
		}
		one, tracked := setting(set)
		if !tracked {
			return nil, false
		}
		list = append(list, one)
	}
	return list, true
}

// setting reads one statement; false when it can't be tracked.
func setting(n *pg.VariableSetStmt) (Setting, bool) {
	s := Setting{Name: strings.ToLower(n.Name), Local: n.IsLocal}
	switch n.Kind {
	case pg.VariableSetKind_VAR_RESET_ALL:
		s.ResetAll = true
		return s, true
	case pg.VariableSetKind_VAR_RESET, pg.VariableSetKind_VAR_SET_DEFAULT:
		s.Reset = true
		return s, trackable(s.Name)
	case pg.VariableSetKind_VAR_SET_VALUE:
		value, plain := values(n.Args)
		s.Value = value
		return s, plain && trackable(s.Name)
	}
	return s, false
}

// trackable leaves out what is no parameter of the session, what works once, and names
// that no parameter has.
func trackable(name string) bool {
	switch name {
	case "", "role", "session_authorization", "seed",
		"transaction_isolation", "transaction_read_only", "transaction_deferrable":
		return false
	}
	for i := range len(name) {
		if !inWord(name[i]) && name[i] != '.' {
			return false
		}
	}
	return true
}

// values joins the elements of a list; false if one is more than a constant.
func values(args []*pg.Node) (string, bool) {
	list := make([]string, len(args))
	for i, arg := range args {
		constant := arg.GetAConst()
		if constant == nil {
			return "", false
		}
		list[i] = literal(constant)
	}
	return strings.Join(list, ", "), len(list) > 0
}

func literal(c *pg.A_Const) string {
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return strconv.Itoa(int(v.Ival.Ival))
	case *pg.A_Const_Fval:
		return v.Fval.Fval
	case *pg.A_Const_Boolval:
		return strconv.FormatBool(v.Boolval.Boolval)
	}
	return quote(c.GetSval().GetSval())
}

// quote makes a string constant that means the same whatever standard_conforming_strings is.
func quote(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
