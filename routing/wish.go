package routing

import (
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// Wish is where somebody wants reads. The zero Wish is anywhere.
type Wish struct {
	Target config.Target
	Node   cluster.NodeID // of TargetNode and others
	Ratio  float64        // of the sessions, or statements, that it is for
}

// others is a Target: any node but one. It is what becomes of a preference for a
// node where the ratio says no.
const others = config.TargetNode + 1

// ParseWish reads the value of pgherd.route: primary, standby, node=N, auto or
// nothing. nodes is how many there are.
func ParseWish(text string, nodes int) (w Wish, ok bool) {
	w.Ratio = 1
	switch text = strings.ToLower(strings.TrimSpace(text)); text {
	case "", "auto":
		return Wish{}, true
	case "primary":
		w.Target = config.TargetPrimary
		return w, true
	case "standby":
		w.Target = config.TargetStandby
		return w, true
	}
	digits, found := strings.CutPrefix(text, "node=")
	n, err := strconv.Atoi(strings.TrimSpace(digits))
	w.Target, w.Node = config.TargetNode, cluster.NodeID(n)
	return w, found && err == nil && n >= 0 && n < nodes
}

// String is the wish in the words of pgherd.route.
func (w Wish) String() string {
	switch w.Target {
	case config.TargetPrimary:
		return "primary"
	case config.TargetStandby:
		return "standby"
	case config.TargetNode:
		return "node=" + strconv.Itoa(int(w.Node))
	case others:
		return "not node=" + strconv.Itoa(int(w.Node))
	}
	return "auto"
}

// drawn is what the wish comes to for one session or statement, by its luck (a
// random number).
func (w Wish) drawn(luck uint32) Wish {
	if float64(luck) <= w.Ratio*(1<<32-1) {
		return w
	}
	switch w.Target {
	case config.TargetStandby:
		w.Target = config.TargetPrimary
	case config.TargetPrimary:
		w.Target = config.TargetStandby
	case config.TargetNode:
		w.Target = others
	}
	return w
}

// admits reports whether the wish leaves a node that is in use in the choice. Who
// is named gets reads whatever its weight.
func (w Wish) admits(n *cluster.NodeState) bool {
	if w.Target == config.TargetNode {
		return n.ID == w.Node
	}
	return w.Target != others || n.ID != w.Node
}
