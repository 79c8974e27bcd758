package cluster

import (
	"reflect"
	"testing"
)

func nodesAt(hosts string) []Node {
	var nodes []Node
	for i, h := range hosts {
		nodes = append(nodes, Node{ID: NodeID(i), Host: string(h), Port: 5432})
	}
	return nodes
}

func TestRenumbered(t *testing.T) {
	was := Record{
		Epoch: 4, Primary: 2, Promised: true, Down: []NodeID{0}, Demoted: []NodeID{1}, Astray: []NodeID{0, 1},
		Synchronous: Synchronous{Acks: 1, Members: []NodeID{0, 1}},
		Journal:     &Entry{Kind: "switchover", From: 1, To: 2},
		Nodes:       Addresses(nodesAt("abc")),
	}
	entry := func(from, to NodeID) *Entry { return &Entry{Kind: "switchover", From: from, To: to} }
	for _, c := range []struct {
		name, nodes string
		want        Record
	}{
		{"the same", "abc", was},
		{"one more", "abcd", was},
		{"moved", "abx", was},
		{"another order", "cab", Record{Primary: 0, Promised: true, Down: []NodeID{1}, Demoted: []NodeID{2}, Astray: []NodeID{1, 2},
			Synchronous: Synchronous{Acks: 1, Members: []NodeID{1, 2}}, Journal: entry(2, 0)}},
		{"a standby less", "bc", Record{Primary: 1, Promised: true, Demoted: []NodeID{0}, Astray: []NodeID{0},
			Synchronous: Synchronous{Acks: 1, Members: []NodeID{0}, Others: 1}, Journal: entry(0, 1)}},
		{"the primary less", "ab", Record{Primary: NoNode, Down: []NodeID{0}, Demoted: []NodeID{1}, Astray: []NodeID{0, 1},
			Synchronous: was.Synchronous}},
		{"one less, another one more", "acd", Record{Primary: 1, Promised: true, Down: []NodeID{0}, Astray: []NodeID{0},
			Synchronous: Synchronous{Acks: 1, Members: []NodeID{0}, Others: 1}}},
	} {
		nodes := nodesAt(c.nodes)
		c.want.Epoch, c.want.Nodes = was.Epoch, Addresses(nodes)
		if got := was.Renumbered(nodes); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
	old := was
	old.Nodes = nil // of a pgherd that did not note them
	if got := old.Renumbered(nodesAt("ba")); !reflect.DeepEqual(got, old) {
		t.Errorf("without addresses: %+v", got)
	}
}
