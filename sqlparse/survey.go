package sqlparse

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// survey collects what the parts of a statement do, at any depth.
type survey struct {
	traits      Traits
	pin         Pin
	sessionOnly bool // names something that only its session sees: pg_temp
	asksCatalog bool // calls functions that are not built in
	inventory
}

// query is the verdict on a statement that runs as a query. base are the traits it
// has anyway.
func (s *survey) query(kind Kind, base Traits) verdict {
	v := verdict{kind: kind, traits: base | s.traits, pin: s.pin}
	if s.pin != PinNone {
		v.traits |= SessionState
	}
	if s.asksCatalog && !v.traits.Has(Writes) {
		v.traits |= Writes | CatalogDecides
	}
	return v
}

func surveyOf(stmt *pg.Node) *survey {
	s := &survey{inventory: inventory{role: map[*pg.RangeVar]role{}, defines: isDefinition(stmt)}}
	s.walk(stmt.ProtoReflect())
	return s
}

// eachMessage calls f with m and then with everything below it. Every node type can hold
// any other, so a walk by reflection is the one that can't forget a branch.
func eachMessage(m protoreflect.Message, f func(part any)) {
	f(m.Interface())
	eachChild(m, func(_ protoreflect.Name, child protoreflect.Message) { eachMessage(child, f) })
}

// eachChild calls f with the messages right below m and the names of their fields.
func eachChild(m protoreflect.Message, f func(field protoreflect.Name, child protoreflect.Message)) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			list := value.List()
			for i := range list.Len() {
				f(field.Name(), list.Get(i).Message())
			}
		default:
			f(field.Name(), value.Message())
		}
		return true
	})
}

func (s *survey) look(part any) {
	switch n := part.(type) {
	case *pg.InsertStmt, *pg.UpdateStmt, *pg.DeleteStmt, *pg.MergeStmt:
		s.traits |= Writes
	case *pg.SQLValueFunction:
		if isClock(n.Op) {
			s.traits |= TransactionBound
		}
	case *pg.LockingClause:
		s.traits |= Writes | Locks
	case *pg.IntoClause:
		s.traits |= Writes
		if lastsInSession(n.Rel, n.OnCommit) {
			s.hold(PinTempTable)
		}
	case *pg.RangeVar:
		s.relation(n)
	case *pg.FuncCall:
		s.call(n)
	}
}

func (s *survey) hold(why Pin) {
	if s.pin == PinNone {
		s.pin = why
	}
}

func (s *survey) relation(n *pg.RangeVar) {
	s.add(n)
	if isTempSchema(n.Schemaname) {
		s.traits |= Writes
		s.sessionOnly = true
	}
	if (n.Schemaname == "" || n.Schemaname == "pg_catalog") && TellsOfNode(n.Relname) {
		s.traits |= PrimaryOnly
	}
}

func (s *survey) call(n *pg.FuncCall) {
	s.addCall(n)
	name, builtIn := functionName(n)
	if builtIn && boundToTransaction(name, len(n.Args)) {
		s.traits |= TransactionBound
	}
	switch {
	case isTempSchema(n.Funcname[0].GetString_().GetSval()):
		s.traits |= Writes
		s.sessionOnly = true
	case strings.HasPrefix(name, "dblink_connect"): // an extension's, in any schema; nothing else is called so
		s.traits |= Writes
		s.hold(PinSessionSet)
	case !builtIn || len(n.Funcname) == 1 && !isBuiltIn(name):
		s.asksCatalog = true
	case OnlyReads(name):
		if TellsOfNode(name) {
			s.traits |= PrimaryOnly
		}
	default:
		s.traits |= Writes
		s.holdFor(name, n.Args)
	}
}

// functionName is the name and whether it can be a built-in function's.
func functionName(n *pg.FuncCall) (string, bool) {
	parts := n.Funcname
	name := parts[len(parts)-1].GetString_().GetSval()
	switch len(parts) {
	case 1:
		return name, true
	case 2:
		return name, parts[0].GetString_().GetSval() == "pg_catalog"
	}
	return name, false
}

// holdFor notes the built-in functions that leave something in the session, or take it away.
func (s *survey) holdFor(name string, args []*pg.Node) {
	switch {
	case takesSessionLock(name):
		s.hold(PinAdvisoryLock)
	case name == "setseed":
		s.hold(PinSessionSet)
	case strings.HasPrefix(name, "pg_advisory_unlock"):
		s.traits |= Releases
	case name == "set_config" && !(len(args) == 3 && isTrue(args[2])):
		s.traits |= SessionState | Configures
	}
}

// isTrue recognises the key word, which a shape keeps, and no other way to say it.
func isTrue(arg *pg.Node) bool { return arg.GetAConst().GetBoolval().GetBoolval() }

func isTempSchema(name string) bool { return strings.HasPrefix(name, "pg_temp") }
