package routing

import "github.com/pgherd/pgherd/sqlparse"

// Cause is why a statement of these facts must run on the primary; it is Writes
// for want of a better reason.
func Cause(f *sqlparse.Facts) Reason {
	switch {
	case f == nil:
		return Writes
	case f.Kind == sqlparse.Unknown:
		return Unparsed
	case f.Traits.Has(sqlparse.Locks):
		return Locks
	case f.Pin != sqlparse.PinNone:
		return KeepsState
	case f.Traits.Has(sqlparse.Writes):
		return Writes
	case f.Traits.Has(sqlparse.Serializable):
		return Isolation
	case f.Traits.Has(sqlparse.PrimaryOnly):
		return NodeBound
	case f.StandbyRefused():
		return Refused
	case f.Traits.Has(sqlparse.Begins):
		return OpensBlock
	}
	return Writes
}
