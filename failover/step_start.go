package failover

import (
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// startPatience is how long the first decision waits for nodes that neither
// answer nor refuse.
const startPatience = 3 * time.Second

// decide finds the primary, at start and as long as there is none.
func (s *stepper) decide() {
	if !s.Decided && !s.everybodyHeard() && s.now.Sub(s.Started) < startPatience {
		return
	}
	s.Decided = true
	p, why := s.findPrimary()
	if p == cluster.NoNode {
		s.tell("no primary: " + why)
		return
	}
	s.adopt(p)
	s.resume()
}

func (s *stepper) everybodyHeard() bool {
	for _, n := range s.Nodes {
		if !n.heard(s.Config, s.now) {
			return false
		}
	}
	return true
}

// tell notes why there is no primary, once.
func (s *stepper) tell(text string) {
	if s.Told != text {
		s.Told = text
		s.note("%s", text)
	}
}

// findPrimary believes the flag ALWAYS_PRIMARY first, and then the store. Without a record it takes the only node
// that is out of recovery, or the one that every streaming standby follows.
func (s *stepper) findPrimary() (cluster.NodeID, string) {
	for _, n := range s.Nodes {
		if n.Flag == cluster.AlwaysPrimary {
			return n.ID, ""
		}
	}
	if s.Primary != cluster.NoNode {
		return s.Primary, ""
	}
	var claims []cluster.NodeID
	for _, n := range s.Nodes {
		if n.claims() && !s.foreign(&n) && !n.Detached {
			claims = append(claims, n.ID)
		}
	}
	switch len(claims) {
	case 0:
		if why := s.turnedAway(); why != "" {
			return cluster.NoNode, why
		}
		return cluster.NoNode, "no node is out of recovery; start the one that was the primary, or PROMOTE NODE n FORCE"
	case 1:
		return claims[0], ""
	}
	return s.followedByAll(claims)
}

// turnedAway tells of a node that might be the primary, if it let us look.
func (s *stepper) turnedAway() string {
	for _, n := range s.Nodes {
		if n.Last.Outcome == Rejected {
			return fmt.Sprintf("node %d turns pgherd's health check away: %s", n.ID, n.Last.Detail)
		}
	}
	return ""
}

func (s *stepper) followedByAll(claims []cluster.NodeID) (cluster.NodeID, string) {
	chosen := cluster.NoNode
	for _, n := range s.Nodes {
		if !n.follows() || n.Last.Receiver.Status != "streaming" {
			continue
		}
		for _, c := range claims {
			if !n.Last.Receiver.Streams(s.Nodes[c].Node) {
				continue
			}
			if chosen != cluster.NoNode && chosen != c {
				return cluster.NoNode, fmt.Sprintf("nodes %v all claim to be primary and standbys follow different ones; stop all but the true one", claims)
			}
			chosen = c
		}
	}
	if chosen == cluster.NoNode {
		return chosen, fmt.Sprintf("nodes %v all claim to be primary and no standby follows any; stop all but the true one", claims)
	}
	return chosen, ""
}

// adopt takes p as the primary and judges everybody by that.
func (s *stepper) adopt(p cluster.NodeID) {
	if s.Primary != p {
		if s.Primary != cluster.NoNode {
			s.endEpoch(cluster.Switch{LSN: s.Nodes[s.Primary].Last.Replayed, Complete: true, By: s.cause("outside", s.Primary, p)})
		} else {
			s.Epoch++
		}
		s.Primary, s.Promised, s.Told = p, false, ""
	}
	if s.SystemID == "" {
		s.SystemID = s.Nodes[p].Last.SystemID
	}
	s.save()
	for i := range s.Nodes {
		s.judge(&s.Nodes[i])
	}
	if n := &s.Nodes[p]; n.claims() && !s.foreign(n) {
		s.noteSynchronous(n.Last)
	}
}

// keptSwitches bounds the list: a session cannot have slept through more.
const keptSwitches = 64

func (s *stepper) cause(kind string, from, to cluster.NodeID) cluster.Cause {
	return cluster.Cause{Kind: kind, From: from, To: to, At: s.now}
}

func (s *stepper) endEpoch(w cluster.Switch) {
	w.Ended = s.Epoch
	s.Switches = append(s.Switches, w)
	s.Switches = s.Switches[max(0, len(s.Switches)-keptSwitches):]
	s.Epoch++
}

// primaryInRecovery: the node of the store became a standby without us. When it
// follows a node that is out of recovery, somebody else switched over: nothing
// of the old primary's log is missing there, so that node is taken. An
// unfinished promotion of ours is tried again.
func (s *stepper) primaryInRecovery(p *NodeView) {
	if s.promising(p.ID) {
		if !s.now.Before(s.RetryAt) {
			s.promoteAgain()
		}
		return
	}
	for _, n := range s.Nodes {
		if n.claims() && !s.foreign(&n) && p.Last.Receiver.Streams(n.Node) {
			s.note("node %d follows node %d, which somebody else promoted", p.ID, n.ID)
			s.adopt(n.ID)
			return
		}
	}
	s.set(p.ID, cluster.Down, "was the primary and is in recovery now")
	s.tell(fmt.Sprintf("no primary: node %d is in recovery; PROMOTE NODE n FORCE makes a standby the primary", p.ID))
}
