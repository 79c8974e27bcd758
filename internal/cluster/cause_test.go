package cluster

import (
	"slices"
	"testing"
)

// Ensure that the history names the nodes that it meant, and none that is gone.
func TestCausesAreRenumbered(t *testing.T) {
	was := Record{Nodes: Addresses(nodesAt("abc")), Switches: []Switch{
		{Ended: 1}, // of a pgherd that did not note why
		{Ended: 2, By: Cause{Kind: "promote", From: 0, To: 2}},
		{Ended: 3, By: Cause{Kind: "failover", From: 2, To: 1}},
	}}
	want := []Switch{{Ended: 1},
		{Ended: 2, By: Cause{Kind: "promote", From: 1, To: 0}},
		{Ended: 3, By: Cause{Kind: "failover", From: 0, To: NoNode}},
	}
	if got := was.Renumbered(nodesAt("ca")).Switches; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if was.Switches[1].By.From != 0 {
		t.Error("the record itself has changed")
	}
}
