package failover

import (
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// State is all that decisions depend on. Only Step changes it.
type State struct {
	Config  Config
	Started time.Time
	Decided bool // the first decision about the primary was made

	SystemID string
	Epoch    cluster.Epoch
	Primary  cluster.NodeID // of this epoch, whether or not it is there
	Switches []cluster.Switch
	Promised bool // Primary was not seen to have left recovery
	Journal  *cluster.Entry
	Nodes    []NodeView

	addresses []string // of Nodes, for the record

	Sync    cluster.Synchronous // what a failover goes by
	Seen    cluster.Synchronous // what the primary last said
	Barrier cluster.LSN         // where its log ended when that had changed

	Op      *Operation // under way, or nil
	LastOp  uint64
	Asked   *Preflight // a PROMOTE that waits for fresh reports, or nil
	RetryAt time.Time  // no automatic operation before
	Told    string     // the last Note about the missing primary

	ToldRights string // the last Note about what the monitor's account lacks
}

// NodeView is what is known of one node.
type NodeView struct {
	cluster.Node
	Status   cluster.Status
	Since    time.Time
	Reason   string
	Detached bool // by command: it does not come back by itself
	Drains   int  // how many commands wait until nobody uses it

	Last      Report
	Failures  int       // bad reports in a row
	FailingAt time.Time // when the first of them began
	FailedAt  time.Time // when it ended
	NotBefore time.Time // reports that began earlier are out of date
	Conninfo  string    // primary_conninfo before a failover emptied it; may hold a password
	Astray    bool      // a failover has stopped its receiver, or not reached it; not seen to stream since
	Demoted   bool      // it may be read-only by default, or marked as a standby (access sql): nothing is written there before that was taken back
	FetchAt   time.Time // not before is it told again to follow the primary
}

// NewState starts from what the store remembers.
func NewState(c Config, r cluster.Record, now time.Time) State {
	r = r.Renumbered(c.Nodes)
	s := State{
		Config: c.withDefaults(), Started: now, SystemID: r.SystemIdentifier, Epoch: r.Epoch,
		Primary: r.Primary, Switches: r.Switches, addresses: cluster.Addresses(c.Nodes), Journal: r.Journal, Sync: r.Synchronous, Promised: r.Promised,
	}
	if r.Epoch == 0 || int(r.Primary) >= len(c.Nodes) {
		s.Primary = cluster.NoNode
	}
	for _, n := range c.Nodes {
		v := NodeView{Node: n, Status: cluster.Waiting, Since: now, Astray: slices.Contains(r.Astray, n.ID),
			Demoted: slices.Contains(r.Demoted, n.ID)}
		if slices.Contains(r.Down, n.ID) {
			v.Status, v.Detached, v.Reason = cluster.Down, true, reasonDetached
		}
		s.Nodes = append(s.Nodes, v)
	}
	return s
}

func (s State) clone() State {
	s.Nodes = slices.Clone(s.Nodes)
	s.Switches = slices.Clone(s.Switches)
	if s.Op != nil {
		s.Op = s.Op.clone()
	}
	return s
}

// record is what the store must remember of s.
func (s *State) record() cluster.Record {
	r := cluster.Record{
		SystemIdentifier: s.SystemID, Epoch: s.Epoch, Primary: s.Primary,
		Switches: slices.Clone(s.Switches), Nodes: s.addresses, Journal: s.Journal, Synchronous: s.Sync, Promised: s.Promised,
	}
	for _, n := range s.Nodes {
		if n.Detached {
			r.Down = append(r.Down, n.ID)
		}
		if n.Demoted {
			r.Demoted = append(r.Demoted, n.ID)
		}
		if n.Astray {
			r.Astray = append(r.Astray, n.ID)
		}
	}
	return r
}

// Snapshot is the picture for everybody else.
func (s *State) Snapshot() *cluster.Snapshot {
	p := &cluster.Snapshot{Epoch: s.Epoch, Primary: s.reigning(), Switches: slices.Clone(s.Switches)}
	if s.Op != nil && s.Op.holds() {
		p.Hold = cluster.HoldWrites
	}
	for _, n := range s.Nodes {
		p.Nodes = append(p.Nodes, s.picture(n))
	}
	return p
}

func (s *State) picture(n NodeView) cluster.NodeState {
	p := cluster.NodeState{
		Node: n.Node, Status: n.Status, Since: n.Since, Reason: n.Reason, Detached: n.Detached, Draining: n.Drains > 0, Role: s.role(n.ID),
		PGUp: n.Last.Outcome == Alive || n.Last.Outcome == Rejected, Probed: n.Last.Outcome != Unknown,
		PGRole: n.Last.Role, Timeline: n.Last.Timeline,
	}
	if f, ok := s.follower(n); ok {
		p.ReplicationState, p.SyncState = f.State, f.SyncState
	}
	return p
}

func (s *State) role(id cluster.NodeID) cluster.Role {
	switch s.Primary {
	case cluster.NoNode:
		return cluster.RoleUnknown
	case id:
		return cluster.Primary
	}
	return cluster.Standby
}

// follower is what the primary last said of standby n. One that is given up has
// nothing to say any more.
func (s *State) follower(n NodeView) (Follower, bool) {
	if s.Primary == cluster.NoNode || n.ID == s.Primary || !s.Nodes[s.Primary].Status.Serves() {
		return Follower{}, false
	}
	all := s.Nodes[s.Primary].Last.Followers
	i := slices.IndexFunc(all, func(f Follower) bool { return f.Name == n.Name })
	if i < 0 {
		return Follower{}, false
	}
	return all[i], true
}

// reigning is the primary that can be used now, or NoNode.
func (s *State) reigning() cluster.NodeID {
	if s.Primary == cluster.NoNode || !s.Decided || s.Op != nil && s.Op.interregnum() {
		return cluster.NoNode
	}
	n := s.Nodes[s.Primary]
	if !n.Status.Serves() || n.Last.Role == cluster.Standby || n.Demoted {
		return cluster.NoNode
	}
	return s.Primary
}

// dead reports whether n failed often enough to be given up: nobody listening
// is believed at the second sight, everything else after the retries.
func (n *NodeView) dead(c Config, now time.Time) bool {
	switch n.Last.Outcome {
	case Refused:
		return n.Failures >= 2
	case Broken, Silent:
		return n.Failures > c.HealthCheck.MaxRetries
	case Starting:
		return now.Sub(n.FailingAt) > c.StartingGrace
	}
	return false
}

// heard reports whether there is enough to judge n by.
func (n *NodeView) heard(c Config, now time.Time) bool {
	return n.Last.Outcome == Alive || n.Last.Outcome == Rejected || n.dead(c, now)
}

// claims reports whether n says that it is a primary.
func (n *NodeView) claims() bool { return n.Last.Outcome == Alive && n.Last.Role == cluster.Primary }

// follows reports whether n is a living standby.
func (n *NodeView) follows() bool { return n.Last.Outcome == Alive && n.Last.Role == cluster.Standby }

func (n *NodeView) note(r Report, now time.Time) {
	good := r.Outcome == Alive || r.Outcome == Rejected
	if !good && n.Failures == 0 {
		n.FailingAt, n.FailedAt = r.Began, now
	}
	n.Failures++
	if good {
		n.Failures = 0
	}
	// What a node was stays known while it does not answer.
	if r.Outcome != Alive {
		was := n.Last
		was.Began, was.Outcome, was.Detail, was.Receiver = r.Began, r.Outcome, r.Detail, Receiver{}
		was.Received = max(was.Received, r.Received)
		r = was
	}
	n.Last = r
}
