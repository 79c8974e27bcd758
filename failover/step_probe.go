package failover

import (
	"fmt"
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

const reasonDetached = "detached by command"

func (s *stepper) probed(e Probed) {
	n := &s.Nodes[e.Node]
	if e.Report.Began.Before(n.NotBefore) {
		return // it was sent before the node changed its role
	}
	alone := s.alone()
	n.note(e.Report, s.now)
	if alone && !s.alone() && s.Primary != cluster.NoNode && n.ID != s.Primary {
		s.lookAfresh(&s.Nodes[s.Primary])
	}
	if !s.Decided || s.Primary == cluster.NoNode || s.Op != nil && s.Op.owns(n.ID) {
		return
	}
	s.judge(n)
	s.fetch(n)
	if n.ID == s.Primary && n.claims() && !s.foreign(n) {
		s.noteSynchronous(n.Last)
		s.tellRights(n)
	}
}

// alone reports whether pgherd reaches no node at all: then it is most likely its own
// network that is gone, and nothing is known of anybody.
func (s *stepper) alone() bool {
	return !slices.ContainsFunc(s.Nodes, func(n NodeView) bool {
		return n.Last.Outcome != Silent && n.Last.Outcome != Broken
	})
}

// lookAfresh forgets what was held against p while pgherd was alone: that another node
// answers a moment earlier does not show that p is dead.
func (s *stepper) lookAfresh(p *NodeView) {
	p.Failures, p.NotBefore = 0, s.now
	s.emit(Action{Kind: Probe, Node: p.ID})
}

// judge says what a node's last report means for its status.
func (s *stepper) judge(n *NodeView) {
	switch {
	case n.Last.Outcome == Rejected && n.Status.Serves():
		s.set(n.ID, n.Status, "lives, but turns pgherd's health check away: "+n.Last.Detail)
	case n.ID == s.Primary:
		s.judgePrimary(n)
	case n.Status != cluster.Recovering:
		s.judgeStandby(n)
	}
}

// judgePrimary brings a primary back that answers again. Its death is settle's
// business.
func (s *stepper) judgePrimary(n *NodeView) {
	switch {
	case n.Failures > 0:
		s.askStandbys()
	case n.Last.Outcome != Alive:
	case s.foreign(n):
		s.set(n.ID, cluster.Down, s.foreignReason(n))
	case n.claims():
		s.set(n.ID, cluster.Up, "")
	}
}

// askStandbys has the others look whether they still hear from the primary,
// until they say no.
func (s *stepper) askStandbys() {
	p := s.Nodes[s.Primary]
	for _, n := range s.Nodes {
		unsure := n.Last.Began.Before(p.FailedAt) || n.Last.Receiver.Streams(p.Node)
		if n.ID != s.Primary && n.Status.Serves() && unsure {
			s.emit(Action{Kind: Probe, Node: n.ID})
		}
	}
}

func (s *stepper) judgeStandby(n *NodeView) {
	switch {
	case n.Detached:
	case n.dead(s.Config, s.now):
		s.standbyDied(n)
	case n.Last.Outcome != Alive:
	case s.foreign(n):
		s.set(n.ID, cluster.Down, s.foreignReason(n))
	case n.claims():
		s.falsePrimary(n)
	case n.Last.Receiver.Streams(s.Nodes[s.Primary].Node):
		s.failback(n)
	case len(n.Last.Lacks.For(rights.Watch)) > 0:
		s.set(n.ID, cluster.Down, s.blindReason(n.Last.Lacks.For(rights.Watch)))
	case n.Status == cluster.Up:
		// it did stream, and falls behind: tokens keep sessions away from it
	case n.Status == cluster.Quarantine:
		s.set(n.ID, n.Status, fmt.Sprintf("does not stream from node %d yet", s.Primary))
	case n.Status == cluster.Waiting && !s.Nodes[s.Primary].claims():
		s.set(n.ID, cluster.Up, "") // whom should it stream from
	default:
		s.set(n.ID, cluster.Down, fmt.Sprintf("%s node %d: RECOVER NODE %d", s.feeds(n), s.Primary, n.ID))
	}
}

// feeds is how a standby that does not follow the primary stands to it.
func (s *stepper) feeds(n *NodeView) string {
	for _, other := range s.Nodes {
		if other.ID != n.ID && n.Last.Receiver.Streams(other.Node) {
			return fmt.Sprintf("streams from node %d, and only those are used that stream from the primary,", other.ID)
		}
	}
	return "does not stream from"
}

// falsePrimary takes a second node that is out of recovery out of service
// (Pgpool-II detach_false_primary). One that is down already stays so.
func (s *stepper) falsePrimary(n *NodeView) {
	status := cluster.Down
	if s.Config.KeepFalsePrimary && n.Status != cluster.Down {
		status = cluster.Quarantine
	}
	s.set(n.ID, status, fmt.Sprintf("claims to be primary, but node %d is: %s", s.Primary, remedy(n)))
}

// standbyDied: a node that is out of service already keeps its reason.
func (s *stepper) standbyDied(n *NodeView) {
	switch {
	case !n.Status.Serves():
	case n.Flag == cluster.DisallowToFailover:
		s.set(n.ID, cluster.Quarantine, fmt.Sprintf("health check: %s; its flag is %s", n.Last.Detail, n.Flag))
	default:
		s.set(n.ID, cluster.Down, "health check: "+n.Last.Detail)
	}
}

// fetch has a standby follow the primary that a failover has left behind: it was
// down, or pgherd was. PostgreSQL sees to it that a log which goes on elsewhere
// is not followed.
func (s *stepper) fetch(n *NodeView) {
	p := &s.Nodes[s.Primary]
	switch {
	case !n.Astray || n.Detached || n.Status == cluster.Recovering || s.Op != nil || n.ID == s.Primary || !n.follows() || s.foreign(n):
	case n.Last.Receiver.Streams(p.Node):
		n.Astray = false
		s.save()
	case p.claims() && p.Status.Serves() && !s.now.Before(n.FetchAt):
		n.FetchAt = s.now.Add(s.Config.SwitchoverTimeout + retryOperation)
		s.note("node %d comes back from before a failover: it is to follow node %d", n.ID, p.ID)
		s.emit(Action{Kind: Repoint, Node: n.ID, To: p.ID, Conninfo: n.Conninfo})
	}
}

// failback brings a standby that streams into service (Pgpool-II auto_failback).
func (s *stepper) failback(n *NodeView) {
	switch {
	case n.Status == cluster.Down && s.Config.ManualFailback:
		s.set(n.ID, cluster.Down, fmt.Sprintf("streams again, and waits for ATTACH NODE %d: auto_failback is off", n.ID))
	case n.Status == cluster.Down && s.now.Sub(n.Since) < s.Config.FailbackInterval:
	default:
		s.set(n.ID, cluster.Up, "")
	}
}

func (s *stepper) foreign(n *NodeView) bool {
	return s.SystemID != "" && n.Last.SystemID != s.SystemID
}

// tellForeign: when nobody is of the cluster that the store knows, it is the
// store that is wrong. It is not for pgherd to forget what it holds.
func (s *stepper) tellForeign() {
	for _, n := range s.Nodes {
		if n.Last.SystemID == s.SystemID || n.Last.SystemID != s.Nodes[s.Primary].Last.SystemID && n.Last.Outcome == Alive {
			return
		}
	}
	s.tell(fmt.Sprintf("no primary: what state_dir holds is of another cluster, system identifier %s, and all nodes are of %s: "+
		"stop pgherd, move the state file away and start it again", s.SystemID, s.Nodes[s.Primary].Last.SystemID))
}

func (s *stepper) foreignReason(n *NodeView) string {
	return fmt.Sprintf("belongs to another cluster: system identifier %s, expected %s", n.Last.SystemID, s.SystemID)
}
