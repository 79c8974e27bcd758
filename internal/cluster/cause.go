package cluster

import (
	"slices"
	"time"
)

// Cause is how an epoch ended, for people to know: nothing is decided by it. Kind is
// "" where it is not known, as in records of earlier versions.
type Cause struct {
	Kind     string // promote, failover, or outside: somebody else did it
	From, To NodeID
	At       time.Time
}

// causes are the switches with the nodes' new numbers.
func (to numbers) causes(switches []Switch) []Switch {
	next := slices.Clone(switches)
	for i := range next {
		if by := &next[i].By; by.Kind != "" {
			by.From, by.To = to.one(by.From), to.one(by.To)
		}
	}
	return next
}
