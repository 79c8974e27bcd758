package admin

import (
	"strconv"

	"github.com/pgherd/pgherd/internal/cluster"
)

// findNode is the node with that number.
func findNode(board *cluster.Board, number token) (cluster.NodeID, error) {
	nodes := board.Current().Nodes
	var known []string
	for _, n := range nodes {
		known = append(known, strconv.Itoa(int(n.ID)))
		if id, err := strconv.Atoi(number.text); err == nil && cluster.NodeID(id) == n.ID {
			return n.ID, nil
		}
	}
	e := newError(codeUndefinedObject, "node %s does not exist", number.text).withHint("%s", listNodes(known))
	e.position = number.position
	return cluster.NoNode, e
}

func listNodes(known []string) string {
	switch len(known) {
	case 0:
		return "there are no nodes"
	case 1:
		return "the only node is " + known[0]
	}
	return "nodes are " + either(known, "and")
}
