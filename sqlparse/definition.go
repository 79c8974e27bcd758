package sqlparse

import pg "github.com/pganalyze/pg_query_go/v5"

// judgeDefinition takes what is left for DDL, and pins when it makes something temporary.
func judgeDefinition(stmt *pg.Node) verdict {
	v := verdict{kind: DDL, traits: Writes}
	switch stmt.GetNode().(type) {
	case *pg.Node_DropStmt, *pg.Node_DropOwnedStmt:
		v.traits |= Releases
	}
	if makesTemporary(stmt) {
		v.pin = PinTempTable
		v.traits |= SessionState
	}
	return v
}

func (s *survey) createAs(stmt *pg.Node) verdict {
	v := s.query(DDL, Writes)
	v.executes = executed(stmt)
	return v
}

func makesTemporary(stmt *pg.Node) bool {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateStmt:
		return lastsInSession(n.CreateStmt.Relation, n.CreateStmt.Oncommit)
	case *pg.Node_ViewStmt:
		return lastsInSession(n.ViewStmt.View, pg.OnCommitAction_ONCOMMIT_NOOP)
	case *pg.Node_CreateSeqStmt:
		return lastsInSession(n.CreateSeqStmt.Sequence, pg.OnCommitAction_ONCOMMIT_NOOP)
	case *pg.Node_CompositeTypeStmt:
		return lastsInSession(n.CompositeTypeStmt.Typevar, pg.OnCommitAction_ONCOMMIT_NOOP)
	}
	name := definedName(stmt)
	return len(name) > 1 && isTempSchema(name[0].GetString_().GetSval())
}

// lastsInSession says whether a new relation is temporary and outlives the transaction.
func lastsInSession(rel *pg.RangeVar, onCommit pg.OnCommitAction) bool {
	temporary := rel.GetRelpersistence() == "t" || isTempSchema(rel.GetSchemaname())
	return temporary && onCommit != pg.OnCommitAction_ONCOMMIT_DROP
}

// definedName is the qualified name of what a CREATE other than of a relation makes.
func definedName(stmt *pg.Node) []*pg.Node {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateFunctionStmt:
		return n.CreateFunctionStmt.Funcname
	case *pg.Node_DefineStmt:
		return n.DefineStmt.Defnames
	case *pg.Node_CreateEnumStmt:
		return n.CreateEnumStmt.TypeName
	case *pg.Node_CreateRangeStmt:
		return n.CreateRangeStmt.TypeName
	case *pg.Node_CreateDomainStmt:
		return n.CreateDomainStmt.Domainname
	}
	return nil
}
