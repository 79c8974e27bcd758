package history

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Kind says what an Op does with its key.
type Kind int

const (
	Read Kind = iota
	Write
)

func (k Kind) String() string { return [...]string{"read", "write"}[k] }

// Op is one operation of a client. Those of one client follow one another.
type Op struct {
	Client  int
	Kind    Kind
	Key     int           // from 0
	Version int64         // written or read; 0 is what a key holds at first
	Call    time.Duration // when it was asked for, since any moment
	Return  time.Duration // when it was acknowledged
	Node    int           // of a read: where it was answered
}

func (o Op) String() string {
	return fmt.Sprintf("client %d's %s of key %d, version %d, on node %d, from %s to %s", o.Client, o.Kind, o.Key, o.Version,
		o.Node, o.Call.Round(time.Microsecond), o.Return.Round(time.Microsecond))
}

// settled is when an operation is looked at: a write may be seen once it has been
// asked for, a read has seen what was asked for before it returned.
func (o Op) settled() time.Duration {
	if o.Kind == Write {
		return o.Call
	}
	return o.Return
}

// inOrder sorts a copy of ops such that a write comes before all that saw it.
func inOrder(ops []Op) []Op {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b Op) int {
		return cmp.Or(cmp.Compare(a.settled(), b.settled()), cmp.Compare(b.Kind, a.Kind))
	})
	return ops
}
