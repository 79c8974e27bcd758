package sqlparse

import (
	"cmp"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Modes are the transaction modes that a statement names, in BEGIN, START TRANSACTION,
// SET TRANSACTION or SET SESSION CHARACTERISTICS. Of several, the last one counts.
type Modes struct {
	Isolation  Isolation
	Access     Access
	Deferrable bool
}

// Isolation is a transaction's isolation level.
type Isolation uint8

const (
	IsolationDefault Isolation = iota // not named
	ReadUncommitted
	ReadCommitted
	RepeatableRead
	SerializableLevel
)

// String is the level as SHOW transaction_isolation gives it; "default" when it is not named.
func (i Isolation) String() string {
	return [...]string{"default", "read uncommitted", "read committed", "repeatable read", "serializable"}[i]
}

// Access is a transaction's access mode.
type Access uint8

const (
	AccessDefault Access = iota // not named
	ReadOnly
	ReadWrite
)

// String is the mode in words; "default" when it is not named.
func (a Access) String() string { return [...]string{"default", "read only", "read write"}[a] }

// take lets other, of a later statement, override.
func (m *Modes) take(other Modes) {
	if other.Isolation != IsolationDefault {
		m.Isolation = other.Isolation
	}
	if other.Access != AccessDefault {
		m.Access = other.Access
	}
	m.Deferrable = m.Deferrable || other.Deferrable
}

// modesOf reads a list of transaction modes. Their words belong to the shape.
func modesOf(options []*pg.Node) (m Modes) {
	for _, option := range options {
		value := option.GetDefElem().GetArg().GetAConst()
		on := value.GetIval().GetIval() != 0
		switch option.GetDefElem().GetDefname() {
		case "transaction_isolation":
			m.Isolation = isolationNamed(value.GetSval().GetSval())
		case "transaction_read_only":
			m.Access = ReadWrite
			if on {
				m.Access = ReadOnly
			}
		case "transaction_deferrable":
			m.Deferrable = on
		}
	}
	return m
}

func isolationNamed(name string) Isolation {
	for i := ReadUncommitted; i <= SerializableLevel; i++ {
		if i.String() == name {
			return i
		}
	}
	return IsolationDefault
}

// Within is what a BEGIN with these modes makes of a block that is open already: what
// it does not name stays.
func (m Modes) Within(block Modes) Modes {
	return Modes{Isolation: cmp.Or(m.Isolation, block.Isolation), Access: cmp.Or(m.Access, block.Access), Deferrable: m.Deferrable || block.Deferrable}
}
