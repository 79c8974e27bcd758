package recovery

import (
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// autopilot decides which nodes are recovered without being told. It keeps the count
// of the tries and nothing else.
type autopilot struct {
	nodes map[cluster.NodeID]tries
}

// tries of one node, until it has been well for a while.
type tries struct {
	begun int
	next  time.Time // not before
}

const (
	autoGrace  = 5 * time.Second  // a node may come back by itself
	autoDelay  = 10 * time.Second // after the first try; four times as long after each further one
	autoTries  = 3
	autoForget = 10 * time.Minute // a node that has been up for so long begins anew
)

func newAutopilot() *autopilot { return &autopilot{nodes: map[cluster.NodeID]tries{}} }

// due are the nodes to recover now, which counts as a try of each. calledOff are
// those whose last recovery somebody has cancelled, and when: they are left alone
// until they have been up again.
func (a *autopilot) due(s *cluster.Snapshot, calledOff map[cluster.NodeID]time.Time, now time.Time) (nodes []cluster.NodeID) {
	for _, n := range s.Nodes {
		if n.Status == cluster.Up && now.Sub(n.Since) >= autoForget {
			delete(a.nodes, n.ID)
		}
		t := a.nodes[n.ID]
		off, cancelled := calledOff[n.ID]
		if cancelled && !n.Since.After(off) || !needsHelp(s, n, now) || t.begun >= autoTries || now.Before(t.next) {
			continue
		}
		t.next = now.Add(autoDelay << (2 * t.begun))
		t.begun++
		a.nodes[n.ID] = t
		nodes = append(nodes, n.ID)
	}
	return nodes
}

// needsHelp tells a node that has failed from one that somebody has taken out of
// service, or that comes back by itself.
func needsHelp(s *cluster.Snapshot, n cluster.NodeState, now time.Time) bool {
	if s.Primary == cluster.NoNode || s.Hold != cluster.HoldNone || n.ID == s.Primary || !s.Nodes[s.Primary].PGUp {
		return false
	}
	return n.Status == cluster.Down && !n.Detached && n.Access.Machine() &&
		n.ReplicationState != "streaming" && now.Sub(n.Since) >= autoGrace
}

// verdict says what comes of a try, for the events.
func (a *autopilot) verdict(node cluster.NodeID, limit Procedure, err error) string {
	begun := a.nodes[node].begun
	switch {
	case err == nil:
		return fmt.Sprintf("auto_recover (%s): node %d is back", limit, node)
	case isCancelled(err):
		return fmt.Sprintf("auto_recover (%s) leaves node %d alone: %v", limit, node, err)
	case begun >= autoTries:
		return fmt.Sprintf("auto_recover (%s) gives node %d up after %d tries: %v; RECOVER NODE %d tells more", limit, node, begun, err, node)
	}
	return fmt.Sprintf("auto_recover (%s), try %d of %d: %v", limit, begun, autoTries, err)
}
