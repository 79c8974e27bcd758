package main

import (
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

func TestOneCluster(t *testing.T) {
	node := func(id cluster.NodeID, role, system string) nodeCheck {
		return nodeCheck{Node: cluster.Node{ID: id}, role: role, system: system, major: 15}
	}
	for _, c := range []struct {
		name   string
		nodes  []nodeCheck
		silent int
		want   string
	}{
		{"a cluster", []nodeCheck{node(0, "standby", "7"), node(1, "primary", "7")}, 0, ""},
		{"foreign", []nodeCheck{node(0, "primary", "7"), node(1, "standby", "8")}, 0, "nodes 0 and 1 are of different clusters: system identifiers 7 and 8"},
		{"standbys", []nodeCheck{node(0, "standby", "7"), node(1, "standby", "7")}, 0, "no node is the primary"},
		{"standbys and one that is silent", []nodeCheck{node(0, "standby", "7")}, 1, ""},
		{"two primaries", []nodeCheck{node(0, "primary", "7"), node(2, "primary", "7")}, 1, "nodes [0 2] are all out of recovery"},
		{"silence", nil, 1, ""},
	} {
		err := oneCluster(c.nodes, len(c.nodes)+c.silent)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLag(t *testing.T) {
	node := func(id cluster.NodeID, role, position, system string) nodeCheck {
		return nodeCheck{Node: cluster.Node{ID: id, Host: "h", Port: 5432}, role: role, position: position, system: system}
	}
	nodes := []nodeCheck{
		node(0, "standby", "0/3000060", "7"),
		node(1, "primary", "1/10", "7"),
		node(2, "standby", "1/10", "7"),
		node(3, "standby", "1/20", "7"),
		node(4, "standby", "unknown", "7"),
		node(5, "standby", "0/1", "8"),
		node(6, "", "", ""),
	}
	var out strings.Builder
	printLag(nodes, &out)
	want := "node 0 (h:5432): 4244635568 bytes behind node 1\n" +
		"node 2 (h:5432): 0 bytes behind node 1\n" +
		"node 3 (h:5432): 0 bytes behind node 1\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
