package sqlparse

import pg "github.com/pganalyze/pg_query_go/v5"

// judgeDefinition takes what is left for DDL, and pins when it makes something temporary.
func judgeDefinition(stmt *pg.Node) verdict {
	v := verdict{kind: DDL, traits: Writes, deserted: deserts(stmt)}
	switch stmt.GetNode().(type) {
	case *pg.Node_DropStmt, *pg.Node_DropOwnedStmt:
		v.traits |= Releases
	}
	if makesTemporary(stmt) {
		v.pin = PinTempTable
		v.traits |= SessionState
	} else if redefines(stmt) {
		v.traits |= Redefines
	}
	return v
}

// deserts is the database that must be free of others' connections for the definition
// (CountOtherDBBackends in PostgreSQL's dbcommands.c).
func deserts(stmt *pg.Node) string {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_DropdbStmt:
		return n.DropdbStmt.Dbname
	case *pg.Node_RenameStmt:
		if n.RenameStmt.RenameType == pg.ObjectType_OBJECT_DATABASE {
			return n.RenameStmt.Subname
		}
	case *pg.Node_AlterDatabaseStmt:
		if optionOf(n.AlterDatabaseStmt.Options, "tablespace") != "" {
			return n.AlterDatabaseStmt.Dbname
		}
	case *pg.Node_CreatedbStmt:
		return optionOf(n.CreatedbStmt.Options, "template")
	}
	return ""
}

// optionOf is the text of an option; "" where it is missing.
func optionOf(options []*pg.Node, name string) string {
	for _, o := range options {
		if e := o.GetDefElem(); e.GetDefname() == name {
			return e.GetArg().GetString_().GetSval()
		}
	}
	return ""
}

// redefines says whether a definition may change which functions and relations a
// standby can be asked for. Dropping a relation can't, nor can making a plain table.
func redefines(stmt *pg.Node) bool {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateFunctionStmt, *pg.Node_AlterFunctionStmt, *pg.Node_DefineStmt,
		*pg.Node_CreateExtensionStmt, *pg.Node_AlterExtensionStmt, *pg.Node_AlterExtensionContentsStmt,
		*pg.Node_ViewStmt, *pg.Node_RuleStmt, *pg.Node_CreateSchemaStmt, *pg.Node_CreateSeqStmt,
		*pg.Node_RenameStmt, *pg.Node_AlterObjectSchemaStmt:
		return true
	case *pg.Node_CreateStmt:
		return n.CreateStmt.Relation.GetRelpersistence() == "u"
	case *pg.Node_AlterTableStmt:
		return changesPersistence(n.AlterTableStmt)
	case *pg.Node_DropStmt:
		return !dropsRelations(n.DropStmt.RemoveType)
	}
	return false
}

func changesPersistence(n *pg.AlterTableStmt) bool {
	for _, cmd := range n.Cmds {
		switch cmd.GetAlterTableCmd().GetSubtype() {
		case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged:
			return true
		}
	}
	return false
}

func dropsRelations(what pg.ObjectType) bool {
	switch what {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE, pg.ObjectType_OBJECT_INDEX:
		return true
	}
	return false
}

func (s *survey) createAs(stmt *pg.Node) verdict {
	v := s.query(DDL, Writes)
	v.executes = executed(stmt)
	if stmt.GetCreateTableAsStmt().Into.GetRel().GetRelpersistence() == "u" {
		v.traits |= Redefines
	}
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
