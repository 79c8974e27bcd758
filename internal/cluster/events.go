package cluster

import (
	"slices"
	"sync"
	"time"
)

// EventKind says what sort of thing has happened; the texts are what
// SHOW POOL_EVENTS prints.
type EventKind string

const (
	EventStatus   EventKind = "status"   // a node's status or role has changed
	EventFailover EventKind = "failover" // a step of a failover or switchover
	EventRecovery EventKind = "recovery" // a step of bringing a node back
	EventHook     EventKind = "hook"     // an external command was run
	EventCommand  EventKind = "command"  // somebody has said something in the console
)

// Event is one thing that has happened to the cluster. Text is one line or more,
// says why, and never holds a password.
type Event struct {
	Number uint64 // from 1, without gaps; Add gives it
	At     time.Time
	Node   NodeID // NoNode when it concerns no node, or all of them
	Kind   EventKind
	Text   string
}

// Journal is the last events, for whoever looks. Its methods are safe for
// concurrent use and do not block; a nil Journal keeps nothing.
type Journal struct {
	size int

	mu     sync.Mutex // guards what follows
	count  uint64     // events there have been
	events []Event    // a ring once it is full
}

// NewJournal keeps the last size events.
func NewJournal(size int) *Journal { return &Journal{size: size} }

// Add appends an event, in place of the oldest one when there is no room.
func (j *Journal) Add(e Event) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count++
	e.Number = j.count
	if len(j.events) < j.size {
		j.events = append(j.events, e)
		return
	}
	j.events[int((j.count-1)%uint64(j.size))] = e
}

// List is what is kept, oldest first.
func (j *Journal) List() []Event {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	oldest := 0
	if len(j.events) == j.size {
		oldest = int(j.count % uint64(j.size))
	}
	return slices.Concat(j.events[oldest:], j.events[:oldest])
}
