package recovery

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// afterFailover is a picture in which node 0 has died at start and node 1 leads.
func afterFailover(start time.Time) *cluster.Snapshot {
	node := func(id cluster.NodeID, s cluster.Status) cluster.NodeState {
		return cluster.NodeState{Node: cluster.Node{ID: id, Access: cluster.AccessLocal}, Status: s, PGUp: s == cluster.Up, Since: start}
	}
	return &cluster.Snapshot{Primary: 1, Nodes: []cluster.NodeState{node(0, cluster.Down), node(1, cluster.Up)}}
}

func TestAutopilotLeavesAlone(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, change := range map[string]func(*cluster.Snapshot){
		"no primary":           func(s *cluster.Snapshot) { s.Primary = cluster.NoNode },
		"a switchover":         func(s *cluster.Snapshot) { s.Hold = cluster.HoldWrites },
		"a primary that fails": func(s *cluster.Snapshot) { s.Nodes[1].PGUp = false },
		"in service":           func(s *cluster.Snapshot) { s.Nodes[0].Status = cluster.Up },
		"under recovery":       func(s *cluster.Snapshot) { s.Nodes[0].Status = cluster.Recovering },
		"quarantine":           func(s *cluster.Snapshot) { s.Nodes[0].Status = cluster.Quarantine },
		"detached":             func(s *cluster.Snapshot) { s.Nodes[0].Detached = true },
		"no access":            func(s *cluster.Snapshot) { s.Nodes[0].Access = cluster.AccessNone },
		"streaming":            func(s *cluster.Snapshot) { s.Nodes[0].ReplicationState = "streaming" },
		"a moment ago":         func(s *cluster.Snapshot) { s.Nodes[0].Since = start.Add(time.Minute - time.Second) },
	} {
		s := afterFailover(start)
		change(s)
		if got := newAutopilot().due(s, nil, start.Add(time.Minute)); len(got) > 0 {
			t.Errorf("%s: recovers %v", name, got)
		}
	}
	for after, want := range map[time.Duration]int{time.Second: 0, -time.Second: 1} { // -1 s: it has failed anew since
		off := map[cluster.NodeID]time.Time{0: start.Add(after)}
		if got := newAutopilot().due(afterFailover(start), off, start.Add(time.Minute)); len(got) != want {
			t.Errorf("called off %v after it went down: recovers %v", after, got)
		}
	}
}

func TestAutopilotBacksOffAndGivesUp(t *testing.T) {
	start := time.Unix(1000, 0)
	a, s := newAutopilot(), afterFailover(start)
	var at []int
	for second := range 600 {
		if nodes := a.due(s, nil, start.Add(time.Duration(second)*time.Second)); slices.Equal(nodes, []cluster.NodeID{0}) {
			at = append(at, second)
		}
	}
	if !slices.Equal(at, []int{5, 15, 55}) {
		t.Errorf("tries after %v s, want 5, 15 and 55", at)
	}
	if v := a.verdict(0, Rewind, errors.New("boom")); !strings.Contains(v, "auto_recover (rewind) gives node 0 up after 3 tries: boom") {
		t.Error(v)
	}
	s.Nodes[0].Status, s.Nodes[0].Since = cluster.Up, start
	a.due(s, nil, start.Add(autoForget))
	s.Nodes[0].Status = cluster.Down
	if got := a.due(s, nil, start.Add(time.Hour)); len(got) != 1 {
		t.Errorf("after it was well for long: %v", got)
	}
}

// A limit holds back what is more than it, and a rewind that fails is no rebuild.
func TestPlanWithLimit(t *testing.T) {
	for _, c := range []struct {
		limit Procedure
		end   cluster.LSN // the primary left the timeline at 0x500
		want  Procedure
	}{
		{Follow, 0x400, Follow}, {Follow, 0x600, Undecided},
		{Rewind, 0x400, Follow}, {Rewind, 0x600, Rewind},
		{Rebuild, 0x600, Rewind},
	} {
		f := brokenStandby()
		f.How.Limit = c.limit
		f.Source.Timeline, f.Source.Position, f.Source.History = 2, 0x900, []cluster.Ancestor{{Timeline: 1, Switch: 0x500}}
		f.Target.Log = &Log{Timeline: 1, End: c.end, Segment: 0x100, Hints: true, Standby: true, Clean: true}
		got, found := Plan(f)
		if got != c.want || (got == Undecided) != (len(found) == 1) {
			t.Errorf("limit %v, log up to %s: %v %v", c.limit, c.end, got, found)
		}
	}
	f := brokenStandby()
	f.How.Limit, f.Target.Directory = Rewind, DirMissing
	if got, found := Plan(f); got != Undecided || len(found) != 1 || !strings.Contains(found[0].Problem, "has to be recovered by rebuild") {
		t.Errorf("nothing to rewind: %v %v", got, found)
	}
}
