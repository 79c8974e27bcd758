package failover

import (
	"errors"
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// preflightPatience is how long a promotion waits for its obstacles to pass: a
// standby that was just restarted streams within that.
const preflightPatience = 2 * time.Second

// Preflight is a PROMOTE that waits for reports that began after it.
type Preflight struct {
	Request uint64
	Node    cluster.NodeID
	Mode    Mode
	Since   time.Time
	Until   time.Time
}

func (s *stepper) requestPromote(e Requested, n *NodeView) {
	switch {
	case s.Asked != nil:
		s.reply(e.Number, errBusy)
	case n.ID == s.reigning():
		s.reply(e.Number, refuse("SHOW POOL_NODES lists the standbys that can be promoted.", "node %d is the primary already", n.ID))
	case n.Status == cluster.Recovering:
		s.reply(e.Number, refuseRecovering(n.ID))
	default:
		w := Preflight{Request: e.Number, Node: n.ID, Mode: e.Mode, Since: s.now, Until: s.now.Add(preflightPatience)}
		if !s.Decided {
			w.Until = w.Until.Add(startPatience)
		}
		s.Asked = &w
		s.lookAgain()
	}
}

// lookAgain has the nodes of a waiting promotion probed.
func (s *stepper) lookAgain() {
	if s.Asked == nil {
		return
	}
	s.emit(Action{Kind: Probe, Node: s.Asked.Node})
	if s.Primary != cluster.NoNode && s.Primary != s.Asked.Node {
		s.emit(Action{Kind: Probe, Node: s.Primary})
	}
}

// preflight begins or refuses the waiting promotion as soon as that is clear.
func (s *stepper) preflight() {
	w := s.Asked
	if w == nil {
		return
	}
	if s.Op != nil { // the primary died meanwhile
		s.Asked = nil
		s.reply(w.Request, errBusy)
		return
	}
	list := s.obstacles(w)
	switch {
	case s.now.Before(w.Until) && worthWaiting(list):
	case len(list) > 0:
		s.Asked = nil
		s.reply(w.Request, cannotPromote(w.Node, list))
	default:
		s.Asked = nil
		s.beginPromotion(w)
	}
}

// worthWaiting: all must be known before anything is reported, and one lasting
// obstacle is enough not to wait for the others.
func worthWaiting(list []obstacle) bool {
	var lasts, unsure bool
	for _, o := range list {
		lasts = lasts || o.weight == lasting
		unsure = unsure || o.weight == untold
	}
	return unsure || len(list) > 0 && !lasts
}

// beginPromotion: with a primary that lives it is a switchover, otherwise a
// failover to the given node. The operation replies.
func (s *stepper) beginPromotion(w *Preflight) {
	if s.usurps(&s.Nodes[w.Node]) {
		s.note("node %d, which somebody else promoted, is taken for the primary in place of node %d", w.Node, s.Primary)
		s.succeed(w.Node)
		s.reply(w.Request, nil)
		return
	}
	o := Operation{To: w.Node, Force: w.Mode == Force, Request: w.Request}
	if !s.leaderless() {
		s.beginSwitchover(o)
		return
	}
	if n := &s.Nodes[w.Node]; !n.Status.Serves() {
		n.Detached = false
		s.set(n.ID, cluster.Waiting, "")
	}
	s.beginFailover(o)
}

// leaderless reports whether there is no primary to switch over from.
func (s *stepper) leaderless() bool {
	return s.Primary == cluster.NoNode || s.Nodes[s.Primary].dead(s.Config, s.now) || s.resigned()
}

// resigned reports whether somebody has made a standby of the primary.
func (s *stepper) resigned() bool {
	return s.Primary != cluster.NoNode && s.Nodes[s.Primary].follows() && !s.promising(s.Primary)
}

// obstacles are the reasons not to promote as w wishes.
func (s *stepper) obstacles(w *Preflight) []obstacle {
	c := check{stepper: s, w: w, n: &s.Nodes[w.Node]}
	if !s.Decided {
		c.add(passing, "Try again in a few seconds.", "pgherd has not heard of all nodes yet")
		return c.list
	}
	c.candidate()
	if s.Primary != cluster.NoNode && s.Nodes[s.Primary].Flag == cluster.AlwaysPrimary {
		c.add(lasting, "Change its flag and restart pgherd first.", "node %d is the primary whatever happens: its flag is ALWAYS_PRIMARY", s.Primary)
	}
	switch {
	case s.Primary == cluster.NoNode:
		if w.Mode != Force {
			c.add(lasting, fmt.Sprintf("Start the node that was the primary; or, when nobody writes to any other node, PROMOTE NODE %d FORCE.", w.Node),
				"pgherd does not know which node was the primary")
		}
	case s.resigned():
		if w.Mode != Force {
			c.add(passing, fmt.Sprintf("When nobody writes to any other node, PROMOTE NODE %d FORCE.", w.Node),
				"node %d, the primary that was, is in recovery, and pgherd does not know who leads", s.Primary)
		}
	case s.leaderless():
		c.acknowledged()
	default:
		c.primary(&s.Nodes[s.Primary])
	}
	return c.list
}

// acknowledged: whether the standbys that answer have all commits that waited for one.
func (c *check) acknowledged() {
	if c.w.Mode == Force || !c.n.follows() {
		return
	}
	found := []Candidate{{Node: c.n.ID}}
	for _, n := range c.candidates() {
		found = append(found, Candidate{Node: n.ID})
	}
	if r := new(RefusedError); errors.As(c.complete(found), &r) {
		c.add(passing, r.hint, "%s", r.message)
	}
}

// check collects obstacles.
type check struct {
	*stepper
	w    *Preflight
	n    *NodeView // the candidate
	list []obstacle
}

func (c *check) add(w weight, hint, problem string, args ...any) {
	c.list = append(c.list, obstacle{w, fmt.Sprintf(problem, args...), hint})
}

// answers adds what there is to say of a node that did not answer afresh.
func (c *check) answers(n *NodeView, name string) bool {
	hint := fmt.Sprintf("Look at the log of node %d and at its address %s.", n.ID, n.Address())
	if n.Last.Outcome == Rejected {
		hint = fmt.Sprintf("See to monitor in the configuration and to pg_hba.conf of node %d.", n.ID)
	}
	switch {
	case n.Last.Began.Before(c.w.Since):
		c.add(untold, hint, "%s did not answer within %v", name, preflightPatience)
	case n.Last.Outcome != Alive:
		c.add(passing, hint, "%s does not answer (%s)", name, n.Last.trouble())
	default:
		return true
	}
	return false
}

func (c *check) candidate() {
	n := c.n
	if !c.answers(n, fmt.Sprintf("node %d", n.ID)) {
		return
	}
	switch {
	case c.foreign(n):
		c.add(lasting, fmt.Sprintf("Correct the address of node %d, or move its data directory away and RECOVER NODE %d.", n.ID, n.ID), "node %d %s", n.ID, c.foreignReason(n))
	case c.usurps(n):
		if c.w.Mode != Force {
			c.add(lasting, fmt.Sprintf("PROMOTE NODE %d FORCE takes it for the primary as it is; what node %d alone has is lost.", n.ID, c.Primary),
				"node %d is out of recovery: somebody else has promoted it, and pgherd does not know how much it has of the log of node %d", n.ID, c.Primary)
		}
	case n.claims():
		c.add(lasting, fmt.Sprintf("RECOVER NODE %d turns it into a standby.", n.ID), "node %d is not a standby: it is out of recovery", n.ID)
	}
	if n.Status == cluster.Recovering { // begun meanwhile
		c.add(lasting, hintRecovering, "node %d is being recovered", n.ID)
	}
	c.rights()
	if c.w.Mode != Force {
		c.service()
		c.replay()
	}
}

// service: whether the candidate is in use.
func (c *check) service() {
	n := c.n
	switch {
	case n.Detached:
		c.add(lasting, fmt.Sprintf("ATTACH NODE %d first.", n.ID), "node %d is detached", n.ID)
	case n.Status == cluster.Recovering:
		// told already
	case !n.Status.Serves() && n.follows() && !c.foreign(n) && (c.leaderless() || c.streams()):
		c.add(passing, fmt.Sprintf("ATTACH NODE %d, or RECOVER NODE %d.", n.ID, n.ID), "node %d is %s (%s)", n.ID, n.Status, n.Reason)
	}
}

// replay: what keeps a candidate from replaying all that it has.
func (c *check) replay() {
	n := c.n
	if n.Last.Paused {
		c.add(lasting, fmt.Sprintf("On node %d: SELECT pg_wal_replay_resume().", n.ID), "replay is paused on node %d", n.ID)
	}
	if n.Last.Delay > 0 {
		c.add(lasting, fmt.Sprintf("On node %d: ALTER SYSTEM SET recovery_min_apply_delay = 0, then SELECT pg_reload_conf().", n.ID),
			"node %d replays with a delay (recovery_min_apply_delay = %gs)", n.ID, n.Last.Delay.Seconds())
	}
}

// streams reports whether the candidate follows the primary.
func (c *check) streams() bool {
	return c.Primary != cluster.NoNode && c.n.Last.Receiver.Streams(c.Nodes[c.Primary].Node)
}

// primary: what keeps a primary that lives from handing over.
func (c *check) primary(p *NodeView) {
	if c.w.Mode == Force {
		return
	}
	name := fmt.Sprintf("node %d, the primary,", p.ID)
	if !c.answers(p, name) || !c.n.follows() || c.n.Last.Began.Before(c.w.Since) {
		return
	}
	c.related(p)
}

// related: whether the candidate has its log from the primary.
func (c *check) related(p *NodeView) {
	n := c.n
	again := fmt.Sprintf("RECOVER NODE %d when it stays so.", n.ID)
	switch {
	case c.foreign(n):
		// told already
	case n.Last.SystemID != p.Last.SystemID:
		c.add(lasting, "RECOVER the one that does not belong here.",
			"nodes %d and %d are of different clusters: system identifiers %s and %s", n.ID, p.ID, n.Last.SystemID, p.Last.SystemID)
	case !c.streams():
		c.add(passing, fmt.Sprintf("See the log of node %d. %s", n.ID, again), "node %d does not stream from node %d, the primary", n.ID, p.ID)
	case n.Last.Timeline != p.Last.Timeline:
		c.add(passing, again, "node %d is on timeline %d and node %d, the primary, on timeline %d", n.ID, n.Last.Timeline, p.ID, p.Last.Timeline)
	}
}

const hintRecovering = "Wait until that has ended; KILL RECOVERY n cancels it."

func refuseRecovering(id cluster.NodeID) error {
	return refuse(hintRecovering, "node %d is being recovered", id)
}
