package config

import (
	"fmt"
	"reflect"
	"slices"
)

// SameNodes reports whether the nodes differ in nothing but their weights.
func SameNodes(a, b *Config) bool {
	return len(a.Nodes) == len(b.Nodes) && samePrefix(a.Nodes, b.Nodes)
}

// AddedNodes are those that b has behind a's nodes, and that can be taken in while pgherd
// runs: nobody's number changes, nor who is to be the primary. None when anything but a weight
// of a's nodes differs.
func AddedNodes(a, b *Config) []Node {
	if len(b.Nodes) <= len(a.Nodes) || !samePrefix(a.Nodes, b.Nodes) {
		return nil
	}
	added := b.Nodes[len(a.Nodes):]
	if slices.ContainsFunc(added, func(n Node) bool { return n.Flag == AlwaysPrimary }) {
		return nil
	}
	return added
}

func samePrefix(a, b []Node) bool {
	n := min(len(a), len(b))
	return slices.EqualFunc(a[:n], b[:n], func(x, y Node) bool {
		x.Weight = y.Weight
		return reflect.DeepEqual(x, y)
	})
}

// DescribeNodes says what differs in the lists of nodes, for people.
func DescribeNodes(a, b *Config) (notes []string) {
	for i := range max(len(a.Nodes), len(b.Nodes)) {
		switch {
		case i >= len(a.Nodes):
			notes = append(notes, fmt.Sprintf("nodes.%d: added, %s", i, b.Nodes[i].Address()))
		case i >= len(b.Nodes):
			notes = append(notes, fmt.Sprintf("nodes.%d: removed, %s", i, a.Nodes[i].Address()))
		default:
			notes = append(notes, describeNode(i, a.Nodes[i], b.Nodes[i])...)
		}
	}
	return notes
}

func describeNode(number int, a, b Node) (notes []string) {
	was, is := flatten(reflect.ValueOf(&a).Elem(), ""), flatten(reflect.ValueOf(&b).Elem(), "")
	for i := range was {
		if was[i].Value != is[i].Value {
			notes = append(notes, fmt.Sprintf("nodes.%d.%s: %s -> %s", number, was[i].Key, was[i].Value, is[i].Value))
		}
	}
	return notes
}

// AdviseNodes says why a list of nodes waits for a restart, and what can be done until then.
func AdviseNodes(running, next *Config) string {
	last := len(running.Nodes) - 1
	if len(next.Nodes) <= last && samePrefix(running.Nodes, next.Nodes) {
		return fmt.Sprintf("nodes: a node is taken out by a restart only; DETACH NODE %d keeps the last one out of use until then", last)
	}
	return "nodes: without a restart, nodes are only added at the end of the list, whose flag is not ALWAYS_PRIMARY, and weights are changed; " +
		"nothing that was changed in the list is in force now"
}
