package sqlparse

import (
	"strings"
)

// Facts are what routing and session tracking know of one query string, which may
// hold several statements. They are immutable and shared between goroutines and
// sessions, except for what RefuseStandby remembers, which is atomic. See variants.go for
// facts of the same text under what somebody else knows of it.
type Facts struct {
	Statements int    // 0 for an empty query, and for one that wasn't parsed
	Kind       Kind   // of the first statement
	Traits     Traits // of all statements together
	Pin        Pin    // of the first statement that has one
	Tag        string // command tag of a single BEGIN, COMMIT or ROLLBACK; "" otherwise and for AND CHAIN

	Modes // that BEGIN, SET TRANSACTION or SET SESSION CHARACTERISTICS names

	Deserted  string     // the database that nobody else may be in while DROP DATABASE or such works on it
	Executes  []string   // the prepared statements that EXECUTE names, in order
	Tables    []Table    // every relation that is named, each once; not the names of WITH
	Functions []Function // every function that is called by name, each once, built-in or not

	Hint Hint // from a comment in front of the first statement

	shared *shared // with the variants; nil for facts that no Parser made
}

// Table is a relation as a statement names it.
type Table struct {
	Schema, Name string // Schema is "" where the search path decides
	Written      bool   // the target of INSERT, COPY FROM and such, or of DDL
}

// Function is a function as a statement calls it.
type Function struct {
	Schema, Name string // Schema is "" where the search path decides
	Args         int    // how many arguments stand there
	BuiltIn      bool   // PostgreSQL has one of that name; without a schema another may be meant
}

// ReadOnly says whether a hot standby may run the text: it neither writes nor needs
// the primary, and no standby has refused it.
func (f *Facts) ReadOnly() bool {
	return !f.Traits.Has(Writes) && !f.Traits.Has(Serializable) && !f.Traits.Has(PrimaryOnly) && !f.StandbyRefused()
}

// Traits is a set of properties.
type Traits uint32

const (
	Writes           Traits = 1 << iota // not provably a read
	Begins                              // opens a transaction block, also COMMIT AND CHAIN
	Ends                                // ends one: COMMIT, ROLLBACK, PREPARE TRANSACTION; not ROLLBACK TO
	ReadOnlyTx                          // the block it opens is READ ONLY
	Serializable                        // asks for SERIALIZABLE, which a hot standby refuses
	Locks                               // row locks (FOR UPDATE, FOR SHARE ...) or LOCK
	SessionState                        // leaves state that outlives the transaction, or may; see Pin for what can't be replayed
	MultiStatement                      // more than one statement
	PrimaryOnly                         // writes nothing, but a standby's answer would differ (SHOW, pg_stat_activity)
	Configures                          // calls set_config, not provably for the transaction only
	Releases                            // may end the reason of a Pin: DROP, CLOSE, UNLISTEN, DISCARD, pg_advisory_unlock
	Prepares                            // PREPARE, DEALLOCATE or DISCARD ALL is in it; see Namings
	CatalogDecides                      // Writes is only set because of functions that are not built in
	TransactionBound                    // asks for what belongs to the transaction, its start or its server: now(), txid_current(), pg_backend_pid()
	Cursors                             // DECLARE, FETCH, MOVE or CLOSE
	Savepoints                          // SAVEPOINT, RELEASE or ROLLBACK TO
	Redefines                           // may change what a catalog said of functions, views or unlogged tables
)

// join adds the traits of another statement of the text.
func (t Traits) join(other Traits) Traits {
	surely := func(t Traits) bool { return t.Has(Writes) && !t.Has(CatalogDecides) }
	if surely(t) || surely(other) {
		return (t | other) &^ CatalogDecides
	}
	return t | other
}

// Has says whether all of want are set.
func (t Traits) Has(want Traits) bool { return t&want == want }

// String lists the traits that are set, joined by "+".
func (t Traits) String() string {
	names := [...]string{"writes", "begins", "ends", "read-only-tx", "serializable", "locks", "session-state", "multi", "primary-only", "configures", "releases", "prepares",
		"catalog-decides", "transaction-bound", "cursors", "savepoints", "redefines"}
	var set []string
	for i, name := range names {
		if t&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, "+")
}

// Pin is why a session must keep its server after the statement.
type Pin uint8

const (
	PinNone         Pin = iota
	PinTempTable        // a temporary table, view, sequence, type or function
	PinAdvisoryLock     // a session-level advisory lock
	PinHoldCursor       // DECLARE ... WITH HOLD
	PinListen           // LISTEN
	PinPrepare          // SQL-level PREPARE of a name that is in the way
	PinSessionSet       // settings that can't be found out
	PinLoad             // LOAD
	PinStatement        // a prepared statement too large to be kept for another server
)

// String is the reason as the console shows it.
func (p Pin) String() string {
	return [...]string{"none", "temporary table", "advisory lock", "holdable cursor", "listen", "prepare", "session set", "load", "large statement"}[p]
}

// PinNamed is the pin of a name as String gives it; PinNone for others.
func PinNamed(name string) Pin {
	for p := PinNone + 1; p <= PinStatement; p++ {
		if p.String() == name {
			return p
		}
	}
	return PinNone
}

// Kind is what sort of statement it is, after PostgreSQL's commands.
type Kind uint8

const (
	Unknown Kind = iota // the grammar refused it, or it was too large to try
	Empty
	Select // also TABLE, VALUES and WITH ... SELECT
	Insert
	Update
	Delete
	Merge
	CopyFrom
	CopyTo
	Begin // also START TRANSACTION
	Commit
	Rollback
	Savepoint
	Release
	RollbackTo
	PrepareTransaction
	CommitPrepared
	RollbackPrepared
	Set
	Reset
	Show
	Explain
	Prepare
	Execute
	Deallocate
	Discard
	Declare
	Fetch // also MOVE
	Close
	Listen
	Unlisten
	Notify
	Lock
	DDL
	Call
	Do
	Vacuum // also ANALYZE
	Utility
)

// String is the kind's name in lower case.
func (k Kind) String() string {
	return [...]string{
		"unknown", "empty", "select", "insert", "update", "delete", "merge",
		"copy from", "copy to", "begin", "commit", "rollback", "savepoint", "release",
		"rollback to", "prepare transaction", "commit prepared", "rollback prepared",
		"set", "reset", "show", "explain", "prepare", "execute", "deallocate", "discard",
		"declare", "fetch", "close", "listen", "unlisten", "notify", "lock", "ddl",
		"call", "do", "vacuum", "utility",
	}[k]
}

// unknown are the facts of a text that wasn't or couldn't be parsed.
func unknown() *Facts { return &Facts{Kind: Unknown, Traits: Writes, shared: new(shared)} }
