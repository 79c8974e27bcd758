package cluster

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// NodeState is one node in a Snapshot.
type NodeState struct {
	Node
	Status   Status
	Role     Role      // pgherd's view
	Since    time.Time // of the last change of Status or Role
	Reason   string    // why the status is what it is
	Detached bool      // by command: it is nobody's business to bring it back
	Draining bool      // it is about to be detached: no statement begins there
	PGUp     bool      // what the last probe said
	Probed   bool      // whether there was a probe
	PGRole   Role      // what the node said of itself
	Timeline Timeline

	ReplicationState string // pg_stat_replication.state on the primary, "" when unknown
	SyncState        string // pg_stat_replication.sync_state
}

// Switch records the end of an epoch: where the log of its primary was left.
type Switch struct {
	Ended    Epoch // the epoch that ended here
	LSN      LSN   // positions behind it did not survive
	Complete bool  // everything survived: the old primary had stopped in order
	By       Cause `json:",omitzero"`
}

// Hold says what sessions must do with writes at the moment.
type Hold int

const (
	HoldNone   Hold = iota
	HoldWrites      // a switchover is under way: wait for the next primary
)

// Snapshot is an immutable picture of the cluster. A later one may have more nodes, never
// fewer.
type Snapshot struct {
	Generation uint64 // raised by every Publish
	Epoch      Epoch
	Primary    NodeID // NoNode while there is none
	Hold       Hold
	Nodes      []NodeState
	Switches   []Switch // oldest first
}

// At is the state of a node. One that the snapshot does not have is unused.
func (s *Snapshot) At(id NodeID) *NodeState {
	if id < 0 || int(id) >= len(s.Nodes) {
		return &NodeState{Node: Node{ID: id}}
	}
	return &s.Nodes[id]
}

// Clone returns a copy whose nodes may be changed and published.
func (s *Snapshot) Clone() *Snapshot {
	c := *s
	c.Nodes = slices.Clone(s.Nodes)
	c.Switches = slices.Clone(s.Switches)
	return &c
}

// Writable is the node that takes writes now, or NoNode.
func (s *Snapshot) Writable() NodeID {
	if s.Hold == HoldWrites {
		return NoNode
	}
	return s.Primary
}

// Survives translates a token into the current epoch. It is false when the
// token lies beyond the end of its epoch: what the session has seen is lost.
func (s *Snapshot) Survives(t Token) (Token, bool) {
	for _, w := range s.Switches {
		if w.Ended >= t.Epoch && !w.Complete && t.LSN > w.LSN {
			return t, false
		}
	}
	return Token{Epoch: s.Epoch, LSN: t.LSN}, true
}

// Board publishes Snapshots and holds the Positions beside them. All methods
// are safe for concurrent use; Publish and Record call the watchers on the
// caller's goroutine, so watchers must be quick.
type Board struct {
	current   atomic.Pointer[Snapshot]
	positions [MaxNodes]Position
	receivers atomic.Pointer[Receivers]
	demand    demand

	coverDemand chan struct{} // one slot: a need is pending
	origin      time.Time     // when it was made

	mu       sync.Mutex // guards publishing and the list
	watchers []func()
}

// NewBoard starts with every node waiting, of unknown role, and no primary.
func NewBoard(nodes []Node, now time.Time) *Board {
	first := &Snapshot{Primary: NoNode}
	for _, n := range nodes {
		first.Nodes = append(first.Nodes, NodeState{Node: n, Status: Waiting, Since: now})
	}
	b := &Board{demand: newDemand(), coverDemand: make(chan struct{}, 1), origin: now}
	b.current.Store(first)
	return b
}

// Current is the newest snapshot; never nil.
func (b *Board) Current() *Snapshot { return b.current.Load() }

// Publish makes s the current snapshot and tells the watchers. The board
// numbers it; s must not be changed afterwards.
func (b *Board) Publish(s *Snapshot) {
	b.mu.Lock()
	s.Generation = b.current.Load().Generation + 1
	b.current.Store(s)
	b.mu.Unlock()
	b.notify()
}

// Watch has f called after every Publish and every Record.
func (b *Board) Watch(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers = append(slices.Clone(b.watchers), f)
}

func (b *Board) notify() {
	b.mu.Lock()
	watchers := b.watchers
	b.mu.Unlock()
	for _, f := range watchers {
		f()
	}
}
