package cluster

import "slices"

// Addresses is what a Record knows nodes by.
func Addresses(nodes []Node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.Address()
	}
	return all
}

// Renumbered is r for a configuration that has other nodes, or the same ones in
// another order, than the one that wrote it: a number must not come to mean
// another node, least of all that of the primary. A node that has another address
// at the same place is still the same. One that is gone is forgotten, and as a
// synchronous standby it becomes one of the Others.
func (r Record) Renumbered(nodes []Node) Record {
	now := Addresses(nodes)
	if r.Nodes == nil || slices.Equal(r.Nodes, now) {
		return r
	}
	to := renumbering(r.Nodes, now)
	was := r
	r.Primary = to.one(was.Primary)
	r.Promised = was.Promised && r.Primary != NoNode
	r.Down, r.Demoted, r.Astray = to.all(was.Down), to.all(was.Demoted), to.all(was.Astray)
	r.Synchronous.Members = to.all(was.Synchronous.Members)
	r.Synchronous.Others += len(was.Synchronous.Members) - len(r.Synchronous.Members)
	r.Journal, r.Nodes, r.Switches = to.entry(was.Journal), now, to.causes(was.Switches)
	return r
}

// numbers maps an old number, its index, to the new one or NoNode.
type numbers []NodeID

func renumbering(was, now []string) numbers {
	to := make(numbers, len(was))
	for i, address := range was {
		to[i] = NodeID(slices.Index(now, address))
		if to[i] < 0 && i < len(now) && !slices.Contains(was, now[i]) {
			to[i] = NodeID(i) // it has moved
		}
	}
	return to
}

func (to numbers) one(id NodeID) NodeID {
	if id < 0 || int(id) >= len(to) {
		return NoNode
	}
	return to[id]
}

func (to numbers) all(ids []NodeID) []NodeID {
	var kept []NodeID
	for _, id := range ids {
		if n := to.one(id); n != NoNode {
			kept = append(kept, n)
		}
	}
	slices.Sort(kept)
	return kept
}

// entry is nil when a node of the operation is gone: nobody can finish it.
func (to numbers) entry(j *Entry) *Entry {
	if j == nil {
		return nil
	}
	next := *j
	next.From, next.To = to.one(j.From), to.one(j.To)
	if (next.From == NoNode) != (j.From == NoNode) || (next.To == NoNode) != (j.To == NoNode) {
		return nil
	}
	return &next
}
