package failover

import (
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// OpKind says what an Operation is; the texts are in the journal.
type OpKind string

const (
	OpSwitchover OpKind = "promote"
	OpFailover   OpKind = "failover"
)

// title is for messages.
func (k OpKind) title() string {
	if k == OpSwitchover {
		return "switchover"
	}
	return string(k)
}

// Phase is the stage an Operation is in: it names what is being waited for.
type Phase int

const (
	PhaseIntent     Phase = iota // the journal entry to be written
	PhaseCheckpoint              // switchover: a checkpoint, so that the shutdown's is short
	PhaseQuiesce                 // switchover: writes held, sessions finishing
	PhaseStop                    // switchover: the old primary shutting down
	PhaseFreeze                  // failover: receivers stopped
	PhaseCollect                 // failover: positions read
	PhaseCatchup                 // the candidate replaying
	PhaseFence                   // failover: the old primary made sure dead
	PhaseRestart                 // aborted switchover: the old primary starting again
	PhaseEpoch                   // the raised epoch to be written: the turning point
	PhasePromote                 // the candidate leaving recovery
	PhaseRejoin                  // writes are open; the others made to follow
)

func (p Phase) String() string {
	return [...]string{"intent", "checkpoint", "quiesce", "stop", "freeze", "collect", "catchup",
		"fence", "restart", "epoch", "promote", "rejoin"}[p]
}

// Operation is a change of the primary under way.
type Operation struct {
	ID      uint64
	Kind    OpKind
	Phase   Phase
	From    cluster.NodeID
	To      cluster.NodeID // NoNode until chosen
	Force   bool
	Request uint64 // who asked; 0 when nobody did
	Began   time.Time

	Pending []Task           // actions that are not done yet
	Halted  []cluster.NodeID // told to stop their receivers
	Frozen  []cluster.NodeID // seen to have stopped them
	Found   []Candidate      // failover: what the frozen standbys have
	Next    cluster.Record   // what PhaseEpoch writes
	Failed  error            // what went wrong with the old primary or the operation
	End     cluster.LSN      // of the old primary's log; 0 or MaxLSN when it has none that is known
	Reached cluster.LSN      // where the candidate's log ends

	Doubted   bool // a node could not follow To
	Withdrawn bool // its caller has canceled it; undone when the phase has ended
}

// Task names an action whose Done is awaited.
type Task struct {
	Kind ActionKind
	Node cluster.NodeID
}

// Candidate is a frozen standby and its log.
type Candidate struct {
	Node cluster.NodeID
	Found
}

func (o *Operation) clone() *Operation {
	c := *o
	c.Pending = slices.Clone(o.Pending)
	c.Halted = slices.Clone(o.Halted)
	c.Frozen = slices.Clone(o.Frozen)
	c.Found = slices.Clone(o.Found)
	return &c
}

// holds reports whether sessions must hold writes back.
func (o *Operation) holds() bool {
	return o.Kind == OpSwitchover && o.Phase >= PhaseQuiesce && o.Phase < PhaseRejoin
}

// interregnum reports whether there is no primary because of o.
func (o *Operation) interregnum() bool {
	if o.Kind == OpSwitchover && o.Phase < PhaseStop {
		return false
	}
	return o.Phase < PhaseRejoin
}

// complete reports whether the candidate has all of the old primary's log.
func (o *Operation) complete() bool {
	return o.Reached >= o.End && (o.End > 0 || o.Kind == OpSwitchover)
}

// owns reports whether o decides what becomes of node, whatever probes say.
func (o *Operation) owns(node cluster.NodeID) bool {
	if o.Phase < PhaseRejoin && (node == o.From || node == o.To) {
		return true
	}
	return slices.ContainsFunc(o.Pending, func(t Task) bool { return t.Node == node && t.Kind != Save })
}

// finish takes a task off the list; false when it is not on it.
func (o *Operation) finish(t Task) bool {
	i := slices.Index(o.Pending, t)
	if i < 0 {
		return false
	}
	o.Pending = slices.Delete(o.Pending, i, i+1)
	return true
}
