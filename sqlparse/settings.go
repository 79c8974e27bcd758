package sqlparse

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Setting is one SET or RESET of a configuration parameter.
type Setting struct {
	Name     string // in lower case, without quotes; "" if ResetAll
	Value    string // as set_config takes it; "" for a reset
	Reset    bool   // RESET name, SET name TO DEFAULT
	ResetAll bool   // RESET ALL
	Local    bool   // SET LOCAL
}

// Settings returns the SET and RESET statements of sql in order. It is false when any
// statement is something else, or of a form whose value only the server can tell: SET
// ROLE, SET TRANSACTION, SET TIME ZONE INTERVAL, a part of DateStyle and such.
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

// Touched are all SET and RESET statements of a text, whatever else stands beside
// them. The Value of those that Settings doesn't follow is not to be relied on.
func Touched(sql string) (list []Setting) {
	tree, err := parseAny(sql)
	if err != nil {
		return nil
	}
	for _, s := range tree.Stmts {
		if set := s.Stmt.GetVariableSetStmt(); set != nil {
			one, _ := setting(set)
			list = append(list, one)
		}
	}
	return list
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
		value, plain := values(n.Args, QuotesList(s.Name))
		s.Value = value
		return s, plain && trackable(s.Name) && s.Name != "datestyle"
	}
	return s, false
}

// trackable leaves out what is no parameter of the session, what works once, what
// depends on the value before, and names that no parameter has.
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

// values joins the elements of a list as the server does (flatten_set_variable_args);
// false if one is more than a constant.
func values(args []*pg.Node, quoted bool) (string, bool) {
	list := make([]string, len(args))
	for i, arg := range args {
		constant := arg.GetAConst()
		if constant == nil {
			return "", false
		}
		list[i] = text(constant)
		if _, isText := constant.Val.(*pg.A_Const_Sval); isText && quoted {
			list[i] = quoteIdentifier(list[i])
		}
	}
	return strings.Join(list, ", "), len(list) > 0
}

func text(c *pg.A_Const) string {
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return strconv.Itoa(int(v.Ival.Ival))
	case *pg.A_Const_Fval:
		return v.Fval.Fval
	case *pg.A_Const_Boolval:
		return strconv.FormatBool(v.Boolval.Boolval)
	}
	return c.GetSval().GetSval()
}

// QuotesList says whether the elements of a parameter are quoted like identifiers
// (GUC_LIST_QUOTE). Extensions can't define such parameters, so the list is complete.
func QuotesList(name string) bool {
	switch name {
	case "search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries",
		"shared_preload_libraries", "unix_socket_directories":
		return true
	}
	return false
}

// quoteIdentifier is the server's quote_identifier: quotes only where they are needed,
// for SHOW tells.
func quoteIdentifier(name string) string {
	if plainIdentifier(name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func plainIdentifier(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || c == '_' || i > 0 && isDigit(c)) {
			return false
		}
	}
	scanned, err := pg.Scan(name)
	if err != nil || len(scanned.Tokens) != 1 {
		return false
	}
	kind := scanned.Tokens[0].KeywordKind
	return kind == pg.KeywordKind_NO_KEYWORD || kind == pg.KeywordKind_UNRESERVED_KEYWORD
}
