package failover

import (
	"fmt"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// ActionKind is something that Step wants done. The first group is carried out
// at once, in order; the others take time and end in a Done event.
type ActionKind int

const (
	Publish  ActionKind = iota // Snapshot becomes the picture
	Probe                      // node's monitor should look now
	Reply                      // answers Request with Err
	Progress                   // tells Request, and the log, Text
	Note                       // tells the log Text
	Hook                       // runs the shell command Text when those before are done
	Save                       // Record goes to the store; Done
	Watch                      // node's monitor and poller begin

	Freeze      // stop the receiver of standby Node and keep it stopped
	Unfreeze    // let standby Node follow To again
	Collect     // the log positions of Node: a frozen standby, or a new primary, to see that it lives
	AwaitReplay // until Node has replayed LSN, or all that it has
	Fence       // make sure that no server runs in Node's data directory
	Checkpoint  // CHECKPOINT on Node
	Quiesce     // until no session uses Node
	Stop        // fast shutdown of Node; finds the end of its log
	Start       // start Node as it was
	Demote      // make the primary Node read-only by default and end its sessions; finds the end of its log
	Reopen      // take Demote back
	PromoteNode // make standby Node leave recovery
	Repoint     // let standby Node follow To, until it streams
	Rejoin      // start the stopped Node as a standby of To, until it streams
)

func (k ActionKind) String() string {
	return [...]string{"publish", "probe", "reply", "progress", "note", "hook", "save", "watch",
		"freeze", "unfreeze", "collect", "await-replay", "fence", "checkpoint", "quiesce", "stop",
		"start", "demote", "reopen", "promote", "repoint", "rejoin"}[k]
}

// Action is one thing to do; which fields matter depends on Kind.
type Action struct {
	Kind     ActionKind
	Op       uint64 // the operation it belongs to
	Node     cluster.NodeID
	To       cluster.NodeID
	LSN      cluster.LSN
	Force    bool   // Stop: immediate when fast does not work
	Host     bool   // Checkpoint: the node is to be stopped next, so that way is tried first
	Torn     bool   // AwaitReplay: what cannot be replayed is not waited for
	Conninfo string // Unfreeze, Repoint: primary_conninfo before Freeze, "" when unknown
	Request  uint64
	Text     string
	Err      error
	Hook     string // the setting that Text comes from
	Record   *cluster.Record
	Snapshot *cluster.Snapshot
}

// String is the form in scenario files and debug logs.
func (a Action) String() string {
	switch a.Kind {
	case Publish:
		return "publish " + describe(a.Snapshot)
	case Save:
		return "save " + describeRecord(a.Record)
	case Reply:
		return fmt.Sprintf("reply %d: %v", a.Request, a.Err)
	case Progress, Note:
		return a.Kind.String() + " " + a.Text
	case Hook:
		return fmt.Sprintf("hook %s %d: %s", a.Hook, a.Node, a.Text)
	case Unfreeze, Repoint, Rejoin:
		return fmt.Sprintf("%s %d to %d", a.Kind, a.Node, a.To)
	case AwaitReplay:
		return fmt.Sprintf("%s %d %s", a.Kind, a.Node, a.LSN)
	}
	return fmt.Sprintf("%s %d", a.Kind, a.Node)
}

func describe(s *cluster.Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "epoch %d primary %d", s.Epoch, s.Primary)
	if s.Hold == cluster.HoldWrites {
		b.WriteString(" hold")
	}
	for _, n := range s.Nodes {
		fmt.Fprintf(&b, " | %d %s %s", n.ID, n.Status, n.Role)
		if n.Draining {
			b.WriteString(" draining")
		}
		if n.Reason != "" {
			fmt.Fprintf(&b, " (%s)", n.Reason)
		}
	}
	return b.String()
}

func describeRecord(r *cluster.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "epoch %d primary %d", r.Epoch, r.Primary)
	for _, w := range r.Switches {
		fmt.Fprintf(&b, " | %d ended at %s", w.Ended, w.LSN)
		if w.Complete {
			b.WriteString(" complete")
		}
	}
	if r.Promised {
		b.WriteString(" promised")
	}
	if w := r.Synchronous; w.Acks > 0 {
		fmt.Fprintf(&b, " | commits on %d of %v", w.Acks, w.Members)
	}
	if len(r.Down) > 0 {
		fmt.Fprintf(&b, " | detached %v", r.Down)
	}
	if len(r.Demoted) > 0 {
		fmt.Fprintf(&b, " | demoted %v", r.Demoted)
	}
	if len(r.Astray) > 0 {
		fmt.Fprintf(&b, " | astray %v", r.Astray)
	}
	if j := r.Journal; j != nil {
		fmt.Fprintf(&b, " | journal %s %d->%d %s", j.Kind, j.From, j.To, j.Phase)
	}
	return b.String()
}
