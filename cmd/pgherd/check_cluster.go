package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// errNotOneCluster is told in full by checkTogether.
var errNotOneCluster = errors.New("the nodes are not one cluster with one primary")

// checkTogether prints what no node can tell alone.
func checkTogether(nodes []nodeCheck, out io.Writer) error {
	answered := slices.DeleteFunc(slices.Clone(nodes), func(n nodeCheck) bool { return n.system == "" })
	if err := oneCluster(answered, len(nodes)); err != nil {
		fmt.Fprintln(out, err)
		return errNotOneCluster
	}
	return nil
}

// oneCluster finds a node of another cluster, and a primary too many or none.
// Nodes that did not answer may be anything.
func oneCluster(answered []nodeCheck, configured int) error {
	return errors.Join(sameSystem(answered), onePrimary(answered, configured))
}

func sameSystem(nodes []nodeCheck) error {
	for _, n := range nodes {
		if first := nodes[0]; n.system != first.system {
			return fmt.Errorf("nodes %d and %d are of different clusters: system identifiers %s and %s; correct nodes, or make the standby anew",
				first.ID, n.ID, first.system, n.system)
		}
	}
	return nil
}

func onePrimary(nodes []nodeCheck, configured int) error {
	var found []int
	for _, n := range nodes {
		if n.role == "primary" {
			found = append(found, int(n.ID))
		}
	}
	switch {
	case len(found) > 1:
		return fmt.Errorf("nodes %d are all out of recovery: RECOVER those that are not the primary, or stop them", found)
	case len(found) == 0 && len(nodes) == configured:
		return errors.New("no node is the primary, all are in recovery: add the primary to nodes, or promote a standby")
	}
	return nil
}
