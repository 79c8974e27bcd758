package routing

import (
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// The application's name goes before the database's, that before the user's; in a
// list the first entry that matches.
func TestRedirects(t *testing.T) {
	all := RedirectsOf(config.Routing{AppNamePreferences: "^psql$:primary", DatabasePreferences: "bank:1(0.5),ban.*:2", UserPreferences: "^b:standby"}, 3)
	for who, want := range map[[3]string]Wish{
		{"psql", "bank", "bob"}:  {config.TargetPrimary, 0, 1},
		{"psql2", "bank", "bob"}: {config.TargetNode, 1, 0.5},
		{"", "banana", "bob"}:    {config.TargetNode, 2, 1},
		{"", "shop", "bob"}:      {config.TargetStandby, 0, 1},
		{"", "shop", "rob"}:      {},
	} {
		if got := all.Of(who[0], who[1], who[2]); got != want {
			t.Errorf("%v: %v %v, want %v %v", who, got, got.Ratio, want, want.Ratio)
		}
	}
}

func TestParseWish(t *testing.T) {
	for text, want := range map[string]string{"": "auto", " AUTO ": "auto", "Primary": "primary", "standby": "standby", "node=2": "node=2",
		"node= 0": "node=0", "node=3": "?", "node=-1": "?", "node=": "?", "node": "?", "2": "?", "master": "?"} {
		got, ok := ParseWish(text, 3)
		if word := got.String(); ok != (want != "?") || (ok && word != want) {
			t.Errorf("%q: %s, %t, want %s", text, word, ok, want)
		}
	}
}

// A decision is made for every lease.
func TestDecideDoesNotAllocate(t *testing.T) {
	b := cluster.NewBoard([]cluster.Node{{ID: 0, Weight: 1}, {ID: 1, Weight: 1}, {ID: 2, Weight: 1}}, start)
	publish(b, 1, 0)
	s := NewSession(config.ConsistencySession)
	for _, in := range []Input{
		{Need: Write, Board: b},
		{Need: Read, Board: b},
		{Need: Read, Board: b, Policy: Policy{StatementLevel: true, PrimaryByWeight: true}},
		{Need: Read, Board: b, Hint: Wish{config.TargetNode, 2, 1}},
	} {
		if n := testing.AllocsPerRun(100, func() { Decide(in, &s) }); n != 0 {
			t.Errorf("%+v: %v allocations", in, n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	board := cluster.NewBoard([]cluster.Node{{ID: 0, Weight: 1}, {ID: 1, Weight: 1}, {ID: 2, Weight: 1}}, start)
	publish(board, 1, 0)
	for name, in := range map[string]Input{"write": {Need: Write, Board: board}, "read": {Need: Read, Board: board}} {
		s := NewSession(config.ConsistencySession)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Decide(in, &s)
			}
		})
	}
}
