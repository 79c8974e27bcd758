package sqlparse

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// inventory lists the relations and functions that a statement names.
type inventory struct {
	tables    []Table
	functions []Function

	role    map[*pg.RangeVar]role // of those that are not just read
	scope   []string              // names of WITH that are visible here
	defines bool                  // within DDL, outside of its queries
}

// role is what a RangeVar stands for, beside a relation that is read.
type role uint8

const (
	roleTarget role = iota + 1
	roleAlias       // of FOR UPDATE OF
)

// isDefinition says whether the relations that a statement names outside of queries
// are its targets.
func isDefinition(stmt *pg.Node) bool {
	switch stmt.GetNode().(type) {
	case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt,
		*pg.Node_CallStmt, *pg.Node_CopyStmt, *pg.Node_ExplainStmt, *pg.Node_DeclareCursorStmt, *pg.Node_CreateTableAsStmt:
		return false
	}
	return judgeUtility(stmt).kind == DDL
}

// walk looks at m and everything below it, with the names of WITH in scope.
func (s *survey) walk(m protoreflect.Message) {
	part := m.Interface()
	s.assign(part)
	s.look(part)
	depth, defines := len(s.scope), s.defines
	if _, isQuery := part.(*pg.SelectStmt); isQuery {
		s.defines = false
	}
	with := withOf(part)
	s.declareNames(with)
	eachChild(m, func(field protoreflect.Name, child protoreflect.Message) {
		if with == nil || field != "with_clause" {
			s.walk(child)
		}
	})
	s.scope, s.defines = s.scope[:depth], defines
}

func withOf(part any) *pg.WithClause {
	if q, ok := part.(interface{ GetWithClause() *pg.WithClause }); ok {
		return q.GetWithClause()
	}
	return nil
}

// declareNames walks the queries of WITH. A name is visible behind its query, those of
// WITH RECURSIVE everywhere.
func (s *survey) declareNames(with *pg.WithClause) {
	for _, n := range with.GetCtes() {
		if with.Recursive {
			s.scope = append(s.scope, n.GetCommonTableExpr().Ctename)
		}
	}
	for _, n := range with.GetCtes() {
		s.walk(n.ProtoReflect())
		if !with.Recursive {
			s.scope = append(s.scope, n.GetCommonTableExpr().Ctename)
		}
	}
}

// assign notes what the RangeVars right below a node stand for.
func (v *inventory) assign(part any) {
	switch n := part.(type) {
	case *pg.InsertStmt:
		v.role[n.Relation] = roleTarget
	case *pg.UpdateStmt:
		v.role[n.Relation] = roleTarget
	case *pg.DeleteStmt:
		v.role[n.Relation] = roleTarget
	case *pg.MergeStmt:
		v.role[n.Relation] = roleTarget
	case *pg.IntoClause:
		v.role[n.Rel] = roleTarget
	case *pg.CopyStmt:
		if n.IsFrom {
			v.role[n.Relation] = roleTarget
		}
	case *pg.LockingClause:
		for _, rel := range n.LockedRels {
			v.role[rel.GetRangeVar()] = roleAlias
		}
	case *pg.DropStmt:
		v.dropped(n)
	}
}

// dropped: DROP names its relations as lists of words.
func (v *inventory) dropped(n *pg.DropStmt) {
	if !dropsRelations(n.RemoveType) {
		return
	}
	for _, object := range n.Objects {
		schema, name := qualified(object.GetList().GetItems())
		v.addTable(Table{schema, name, true})
	}
}

// add notes a relation, unless it is the name of a query.
func (v *inventory) add(n *pg.RangeVar) {
	role := v.role[n]
	isTarget := role == roleTarget || v.defines
	if role == roleAlias || !isTarget && n.Schemaname == "" && slices.Contains(v.scope, n.Relname) {
		return
	}
	v.addTable(Table{n.Schemaname, n.Relname, isTarget})
}

func (v *inventory) addTable(t Table) { v.tables = appendNew(v.tables, []Table{t}) }

func (v *inventory) addCall(n *pg.FuncCall) {
	schema, name := qualified(n.Funcname)
	builtIn := schema == "pg_catalog" || schema == "" && isBuiltIn(name)
	v.functions = appendNew(v.functions, []Function{{schema, name, len(n.Args), builtIn}})
}

// qualified splits a name; that of the database in front goes.
func qualified(words []*pg.Node) (schema, name string) {
	n := len(words)
	if n > 1 {
		schema = words[n-2].GetString_().GetSval()
	}
	if n > 0 {
		name = words[n-1].GetString_().GetSval()
	}
	return schema, name
}

// appendNew appends what is not there yet.
func appendNew[T comparable](list, more []T) []T {
	for _, one := range more {
		if !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}
