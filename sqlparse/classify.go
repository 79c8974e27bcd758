package sqlparse

import (
	"cmp"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// verdict is what one statement adds to the facts.
type verdict struct {
	kind   Kind
	traits Traits
	pin    Pin
	tag    string

	deserted string // see Facts
	executes string // what EXECUTE names
	modes    Modes

	tables    []Table
	functions []Function
}

// classify parses sql and sums up its statements.
func classify(sql string) *Facts {
	tree, err := parse(sql)
	if err != nil {
		return unknown()
	}
	if len(tree.Stmts) == 0 {
		return &Facts{Kind: Empty, shared: new(shared)}
	}
	verdicts := make([]verdict, len(tree.Stmts))
	for i, s := range tree.Stmts {
		verdicts[i] = judge(s.Stmt)
	}
	return sum(verdicts)
}

// sum folds the verdicts of the statements of one text.
func sum(verdicts []verdict) *Facts {
	first := verdicts[0]
	f := &Facts{Statements: len(verdicts), Kind: first.kind, Tag: first.tag, shared: new(shared)}
	for _, v := range verdicts {
		f.Traits = f.Traits.join(v.traits)
		f.Modes.take(v.modes)
		f.Tables = appendNew(f.Tables, v.tables)
		f.Functions = appendNew(f.Functions, v.functions)
		if v.traits.Has(Begins) && !v.traits.Has(ReadOnlyTx) {
			f.Traits &^= ReadOnlyTx // the block left open may be this one
		}
		if f.Pin == PinNone {
			f.Pin = v.pin
		}
		f.Deserted = cmp.Or(f.Deserted, v.deserted)
		if v.executes != "" {
			f.Executes = append(f.Executes, v.executes)
		}
	}
	if len(verdicts) > 1 {
		f.Traits |= MultiStatement
		f.Tag = ""
	}
	return f
}

// judge sums up one statement.
func judge(stmt *pg.Node) verdict {
	s := surveyOf(stmt)
	v := s.judge(stmt)
	v.tables, v.functions = s.tables, s.functions
	return v
}

// judge is the entry to one statement: queries by their parts, the rest by their kind.
func (s *survey) judge(stmt *pg.Node) verdict {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_SelectStmt:
		return s.query(Select, 0)
	case *pg.Node_InsertStmt:
		return s.query(Insert, Writes)
	case *pg.Node_UpdateStmt:
		return s.query(Update, Writes)
	case *pg.Node_DeleteStmt:
		return s.query(Delete, Writes)
	case *pg.Node_MergeStmt:
		return s.query(Merge, Writes)
	case *pg.Node_CallStmt:
		return s.query(Call, Writes)
	case *pg.Node_CopyStmt:
		return s.copy(n.CopyStmt)
	case *pg.Node_ExplainStmt:
		return s.explain(n.ExplainStmt)
	case *pg.Node_DeclareCursorStmt:
		return s.declare(n.DeclareCursorStmt)
	case *pg.Node_CreateTableAsStmt:
		return s.createAs(stmt)
	case *pg.Node_TransactionStmt:
		return judgeTransaction(n.TransactionStmt)
	case *pg.Node_VariableSetStmt:
		return judgeSet(n.VariableSetStmt)
	case *pg.Node_VariableShowStmt:
		return verdict{kind: Show, traits: PrimaryOnly}
	}
	return judgeUtility(stmt)
}

// judgeUtility knows the statements that are what they are, whatever they contain.
func judgeUtility(stmt *pg.Node) verdict {
	switch stmt.GetNode().(type) {
	case *pg.Node_PrepareStmt:
		return verdict{kind: Prepare, traits: Writes | SessionState | Prepares}
	case *pg.Node_ListenStmt:
		return verdict{kind: Listen, traits: Writes | SessionState, pin: PinListen}
	case *pg.Node_LoadStmt:
		return verdict{kind: Utility, traits: Writes | SessionState, pin: PinLoad}
	case *pg.Node_ExecuteStmt:
		return verdict{kind: Execute, traits: Writes, executes: stmt.GetExecuteStmt().Name}
	case *pg.Node_DeallocateStmt:
		return verdict{kind: Deallocate, traits: Writes | SessionState | Prepares}
	case *pg.Node_DiscardStmt:
		return judgeDiscard(stmt.GetDiscardStmt())
	case *pg.Node_UnlistenStmt:
		return verdict{kind: Unlisten, traits: Writes | SessionState | Releases}
	case *pg.Node_FetchStmt:
		return verdict{kind: Fetch, traits: Writes | Cursors}
	case *pg.Node_ClosePortalStmt:
		return verdict{kind: Close, traits: Writes | Releases | Cursors}
	case *pg.Node_NotifyStmt:
		return verdict{kind: Notify, traits: Writes}
	case *pg.Node_LockStmt:
		return verdict{kind: Lock, traits: Writes | Locks}
	case *pg.Node_DoStmt:
		return verdict{kind: Do, traits: Writes | SessionState}
	case *pg.Node_VacuumStmt:
		return verdict{kind: Vacuum, traits: Writes}
	case *pg.Node_CheckPointStmt, *pg.Node_ClusterStmt, *pg.Node_ReindexStmt,
		*pg.Node_AlterSystemStmt, *pg.Node_ConstraintsSetStmt:
		return verdict{kind: Utility, traits: Writes}
	}
	return judgeDefinition(stmt)
}

// judgeDiscard: only DISCARD ALL forgets prepared statements and settings.
func judgeDiscard(n *pg.DiscardStmt) verdict {
	v := verdict{kind: Discard, traits: Writes | SessionState | Releases}
	if n.Target == pg.DiscardMode_DISCARD_ALL {
		v.traits |= Prepares
	}
	return v
}

// executed is the name in EXECUTE or CREATE TABLE AS EXECUTE.
func executed(n *pg.Node) string {
	if as := n.GetCreateTableAsStmt(); as != nil {
		n = as.Query
	}
	return n.GetExecuteStmt().GetName()
}

// copy: only COPY ... TO STDOUT of a table or a read is a read.
func (s *survey) copy(n *pg.CopyStmt) verdict {
	switch {
	case n.IsFrom:
		return s.query(CopyFrom, Writes)
	case n.Filename != "" || n.IsProgram:
		return s.query(CopyTo, Writes)
	}
	return s.query(CopyTo, 0)
}

// explain: without ANALYZE nothing runs, so it is a read of anything but what lives
// in one session. ANALYZE counts whatever its argument: that is a constant.
func (s *survey) explain(n *pg.ExplainStmt) verdict {
	for _, option := range n.Options {
		if option.GetDefElem().GetDefname() == "analyze" {
			v := s.judge(n.Query)
			v.kind = Explain
			return v
		}
	}
	if s.sessionOnly || executed(n.Query) != "" {
		return verdict{kind: Explain, traits: Writes, executes: executed(n.Query)}
	}
	return verdict{kind: Explain}
}

// cursorHold is CURSOR_OPT_HOLD of nodes/parsenodes.h.
const cursorHold = 0x20

func (s *survey) declare(n *pg.DeclareCursorStmt) verdict {
	v := s.query(Declare, Writes|Cursors)
	if n.Options&cursorHold != 0 && v.pin == PinNone {
		v.pin = PinHoldCursor
		v.traits |= SessionState
	}
	return v
}
