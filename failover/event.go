package failover

import (
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Event is something that Step must take into account: Probed, Requested, Canceled,
// Done, Weighed or Tick.
type Event interface{ event() }

// Probed is a monitor's report.
type Probed struct {
	Node   cluster.NodeID
	Report Report
}

// Requested is a request of a command or of the recovery engine. One Reply action with
// its Number answers it.
type Requested struct {
	Number uint64
	Kind   RequestKind
	Node   cluster.NodeID
	Mode   Mode           // of RequestPromote
	Err    error          // of RequestRecovered: what went wrong
	Nodes  []cluster.Node // of RequestJoin
}

// Canceled takes a request back whose caller no longer wants it.
type Canceled struct{ Number uint64 }

// RequestKind is what is wished for, in Pgpool-II's terms where it has them.
type RequestKind int

const (
	RequestPromote   RequestKind = iota // PROMOTE_NODE_REQUEST
	RequestAttach                       // NODE_UP_REQUEST
	RequestDetach                       // NODE_DOWN_REQUEST
	RequestRecover                      // NODE_RECOVERY_REQUEST: the recovery engine takes the node
	RequestRecovered                    // and gives it back
	RequestDrain                        // no statement is to begin on the node,
	RequestDrained                      // until this, once for each RequestDrain
	RequestJoin                         // Nodes are there from now on, behind the others
)

func (k RequestKind) String() string {
	return [...]string{"promote", "attach", "detach", "recover", "recovered", "drain", "drained", "join"}[k]
}

// Done is the result of an action.
type Done struct {
	Op    uint64
	Kind  ActionKind
	Node  cluster.NodeID
	Err   error
	Found Found
}

// Found is what an action saw of a node's log. It may hold a password: never
// log one.
type Found struct {
	SystemID string
	Timeline cluster.Timeline
	Received cluster.LSN
	Replayed cluster.LSN
	Conninfo string // Freeze: the primary_conninfo that it took away
	Paused   bool   // Collect: its replay is paused
	Delay    time.Duration
}

// Weighed gives the nodes their shares of the reads, by number.
type Weighed struct{ Weights []float64 }

// Tick lets time pass.
type Tick struct{}

func (Probed) event()    {}
func (Requested) event() {}
func (Canceled) event()  {}
func (Done) event()      {}
func (Weighed) event()   {}
func (Tick) event()      {}
