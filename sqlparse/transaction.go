package sqlparse

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// judgeTransaction knows BEGIN to ROLLBACK PREPARED.
func judgeTransaction(n *pg.TransactionStmt) verdict {
	switch n.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN:
		return verdict{kind: Begin, traits: Begins | traitsOfModes(n.Options), tag: "BEGIN", modes: modesOf(n.Options)}
	case pg.TransactionStmtKind_TRANS_STMT_START:
		return verdict{kind: Begin, traits: Begins | traitsOfModes(n.Options), tag: "START TRANSACTION", modes: modesOf(n.Options)}
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		return ending(Commit, "COMMIT", n.Chain)
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK:
		return ending(Rollback, "ROLLBACK", n.Chain)
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT:
		return verdict{kind: Savepoint, traits: Savepoints}
	case pg.TransactionStmtKind_TRANS_STMT_RELEASE:
		return verdict{kind: Release, traits: Savepoints}
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		return verdict{kind: RollbackTo, traits: Savepoints}
	case pg.TransactionStmtKind_TRANS_STMT_PREPARE:
		return verdict{kind: PrepareTransaction, traits: Writes | Ends}
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT_PREPARED:
		return verdict{kind: CommitPrepared, traits: Writes}
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_PREPARED:
		return verdict{kind: RollbackPrepared, traits: Writes}
	}
	return verdict{kind: Unknown, traits: Writes}
}

// ending is COMMIT or ROLLBACK; AND CHAIN opens the next block at once.
func ending(kind Kind, tag string, chain bool) verdict {
	if chain {
		return verdict{kind: kind, traits: Ends | Begins}
	}
	return verdict{kind: kind, traits: Ends, tag: tag}
}

// traitsOfModes is what the modes of BEGIN and SET TRANSACTION mean for where the text may
// run; modesOf is the modes themselves. READ WRITE counts as a write, since a hot standby
// refuses it, even where a READ ONLY behind it decides.
func traitsOfModes(options []*pg.Node) Traits {
	var t Traits
	for _, option := range options {
		value := option.GetDefElem().GetArg().GetAConst()
		switch option.GetDefElem().GetDefname() {
		case "transaction_isolation":
			if value.GetSval().GetSval() == "serializable" {
				t |= Serializable
			}
		case "transaction_read_only":
			if value.GetIval().GetIval() != 0 {
				t |= ReadOnlyTx
			} else {
				t |= Writes
			}
		}
	}
	if t.Has(Writes) {
		t &^= ReadOnlyTx
	}
	return t
}

// judgeSet knows SET and RESET. What a plain SET assigns doesn't matter here; see Settings.
func judgeSet(n *pg.VariableSetStmt) verdict {
	switch strings.ToLower(n.Name) {
	case "transaction":
		return verdict{kind: Set, traits: traitsOfModes(n.Args) &^ ReadOnlyTx, modes: modesOf(n.Args)}
	case "transaction snapshot": // a snapshot is known to one node only
		return verdict{kind: Set, traits: Writes}
	case "session characteristics":
		return verdict{kind: Set, traits: SessionState | traitsOfModes(n.Args)&Serializable, modes: modesOf(n.Args)}
	case "transaction_isolation":
		return verdict{kind: setKind(n), traits: Serializable}
	case "transaction_read_only", "transaction_deferrable":
		return verdict{kind: setKind(n), traits: Writes}
	}
	v := verdict{kind: setKind(n)}
	if n.IsLocal {
		return v
	}
	v.traits = SessionState
	if strings.EqualFold(n.Name, "seed") {
		v.pin = PinSessionSet
	}
	return v
}

func setKind(n *pg.VariableSetStmt) Kind {
	switch n.Kind {
	case pg.VariableSetKind_VAR_RESET, pg.VariableSetKind_VAR_RESET_ALL:
		return Reset
	}
	return Set
}
