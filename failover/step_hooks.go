package failover

import (
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// hooks emits the configured commands for what this step has changed.
func (s *stepper) hooks(before *State) {
	if !before.Decided || s.Config.Hooks == (Hooks{Timeout: s.Config.Hooks.Timeout}) {
		return
	}
	old := before.Primary
	if before.Op != nil && before.Op.From != cluster.NoNode {
		old = before.Op.From
	}
	opened := s.opened(before)
	for i := range before.Nodes { // who is new has not gone down
		n, was := s.Nodes[i], before.Nodes[i].Status
		leads := s.Op != nil && s.Op.interregnum() && n.ID == s.Op.From // its successor is not known yet
		switch {
		case opened && n.ID == old && n.Status == cluster.Down,
			n.Status == cluster.Down && was != cluster.Down && was != cluster.Recovering && !leads:
			s.hook("failover_command", s.Config.Hooks.Failover, n.ID, old)
		case n.Status.Serves() && (was == cluster.Down || was == cluster.Recovering):
			s.hook("failback_command", s.Config.Hooks.Failback, n.ID, old)
		}
	}
	if s.settled(before) {
		for _, n := range s.Nodes {
			if n.ID != s.Primary && !n.Detached {
				s.hook("follow_primary_command", s.Config.Hooks.FollowPrimary, n.ID, old)
			}
		}
	}
}

// opened reports whether this step has let writes through to a new primary.
func (s *stepper) opened(before *State) bool {
	o := before.Op
	return o != nil && o.Phase == PhasePromote && s.reigning() == o.To && s.Nodes[o.To].claims()
}

// settled reports whether a change of the primary has come to its end.
func (s *stepper) settled(before *State) bool {
	o := before.Op
	return o != nil && s.Op == nil && o.Phase >= PhasePromote && s.reigning() == o.To && s.Nodes[o.To].claims()
}

func (s *stepper) hook(name, command string, node, old cluster.NodeID) {
	if command != "" {
		s.emit(Action{Kind: Hook, Hook: name, Node: node, Text: s.expand(command, node, old)})
	}
}

// expand replaces Pgpool-II's placeholders. Its main node is our primary.
func (s *stepper) expand(command string, node, old cluster.NodeID) string {
	of, now, then := s.described(node), s.described(s.reigning()), s.described(old)
	return strings.NewReplacer("%%", "%",
		"%d", of.id, "%h", of.host, "%p", of.port, "%D", of.directory,
		"%m", now.id, "%H", now.host, "%r", now.port, "%R", now.directory,
		"%M", then.id, "%P", then.id, "%N", then.host, "%S", then.port).Replace(command)
}

// description is a node as placeholders have it.
type description struct{ id, host, port, directory string }

func (s *stepper) described(id cluster.NodeID) description {
	const unknown = `""`
	d := description{strconv.Itoa(int(id)), unknown, unknown, unknown}
	if id != cluster.NoNode {
		n := s.Nodes[id]
		d.host, d.port = n.Host, strconv.Itoa(n.Port)
		if n.DataDirectory != "" {
			d.directory = n.DataDirectory
		}
	}
	return d
}
