package cluster

import (
	"sync"
	"testing"
	"time"
)

var (
	noon  = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	three = []Node{{ID: 0, Name: "node0"}, {ID: 1, Name: "node1"}, {ID: 2, Name: "node2"}}
)

func TestBoardAtFirst(t *testing.T) {
	s := NewBoard(three, noon).Current()
	if s.Primary != NoNode || s.Writable() != NoNode || s.Epoch != 0 || len(s.Nodes) != 3 {
		t.Errorf("got %+v", s)
	}
	for _, n := range s.Nodes {
		if n.Status != Waiting || n.Role != RoleUnknown || !n.Since.Equal(noon) {
			t.Errorf("got %+v", n)
		}
	}
}

func TestWritable(t *testing.T) {
	for _, c := range []struct {
		s    Snapshot
		want NodeID
	}{{Snapshot{Primary: 1}, 1}, {Snapshot{Primary: NoNode}, NoNode}, {Snapshot{Primary: 1, Hold: HoldWrites}, NoNode}} {
		if got := c.s.Writable(); got != c.want {
			t.Errorf("%+v: node %d, want %d", c.s, got, c.want)
		}
	}
}

func TestCloneIsDeep(t *testing.T) {
	b := NewBoard(three, noon)
	before := b.Current()
	c := before.Clone()
	c.Nodes[0].Status, c.Switches = Down, append(c.Switches, Switch{})
	b.Publish(c)
	if before.Nodes[0].Status != Waiting || len(before.Switches) != 0 || b.Current().Nodes[0].Status != Down {
		t.Errorf("a clone shares its nodes: %+v", before)
	}
}

// Publishers, watchers that come late, and readers at once: generations are
// given once each and never seen to go back, and everybody sees the last one.
func TestBoardWatchAndPublishRace(t *testing.T) {
	const publishers, watchers, each = 4, 4, 200
	b := NewBoard(three, noon)
	seen := make([]watcher, watchers)
	var group sync.WaitGroup
	for range publishers {
		group.Go(func() {
			for range each {
				b.Publish(b.Current().Clone())
				b.Record(1, Sample{LSN: 1})
			}
		})
	}
	for i := range seen {
		group.Go(func() {
			b.Watch(func() { seen[i].look(b) })
			seen[i].look(b)
		})
	}
	group.Wait()
	if got := b.Current().Generation; got != publishers*each {
		t.Errorf("generation %d after %d publications", got, publishers*each)
	}
	for i := range seen {
		if seen[i].newest != publishers*each || seen[i].back {
			t.Errorf("watcher %d: %+v", i, &seen[i])
		}
	}
}

// watcher is called on several goroutines.
type watcher struct {
	mu     sync.Mutex
	newest uint64
	back   bool
}

func (w *watcher) look(b *Board) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := b.Current().Generation
	w.back = w.back || g < w.newest
	w.newest = g
}

// A watcher may use the board.
func TestWatcherCallsBack(t *testing.T) {
	b := NewBoard(three, noon)
	calls := 0
	b.Watch(func() {
		if calls++; calls == 1 {
			b.Watch(func() { calls += 10 })
			b.Record(0, Sample{LSN: 7})
		}
	})
	b.Publish(b.Current().Clone())
	if calls != 12 || b.Position(0).Load().LSN != 7 {
		t.Errorf("%d calls", calls)
	}
}

func TestPositions(t *testing.T) {
	b := NewBoard(three, noon)
	p := b.Position(2)
	if p.Load().LSN != 0 {
		t.Errorf("got %+v", p.Load())
	}
	b.Record(2, Sample{Began: noon, Epoch: 1, LSN: 5})
	if p.Load().LSN != 5 || b.Position(1).Load().LSN != 0 {
		t.Errorf("got %+v", p.Load())
	}
	b.Forget(2, time.Now())
	if p.Load().LSN != 0 {
		t.Errorf("not forgotten: %+v", p.Load())
	}
}

// Any number of needs is one wake-up, for the youngest.
func TestDemand(t *testing.T) {
	b := NewBoard(three, noon)
	if !b.Needed().IsZero() {
		t.Errorf("needed %v", b.Needed())
	}
	for i := range 3 {
		b.Need(noon.Add(time.Duration(i)))
	}
	<-b.Demand()
	select {
	case <-b.Demand():
		t.Error("woken twice")
	default:
	}
	if want := noon.Add(2); !b.Needed().Equal(want) {
		t.Errorf("needed %v, want %v", b.Needed(), want)
	}
}

func TestSurvives(t *testing.T) {
	s := Snapshot{Epoch: 4, Switches: []Switch{
		{Ended: 1, LSN: 100}, {Ended: 2, LSN: 150, Complete: true}, {Ended: 3, LSN: 200},
	}}
	for _, c := range []struct {
		t    Token
		want bool
	}{
		{Token{}, true},
		{Token{1, 100}, true},
		{Token{1, 101}, false}, // beyond the end of its epoch
		{Token{2, 101}, true},  // its epoch began later
		{Token{2, 160}, true},  // a switchover loses nothing, wherever its end was noted
		{Token{2, 201}, false}, // lost at the next switch
		{Token{3, 200}, true},
		{Token{3, 201}, false},
		{Token{4, 999}, true}, // of now
	} {
		got, ok := s.Survives(c.t)
		if ok != c.want || ok && got != (Token{4, c.t.LSN}) {
			t.Errorf("%+v: %+v, %v", c.t, got, ok)
		}
	}
}

// Who asks an older picture of a node that has been added since finds it unused.
func TestAt(t *testing.T) {
	s := NewBoard(three, noon).Current()
	if got := s.At(2); got != &s.Nodes[2] {
		t.Errorf("got %+v", got)
	}
	for _, id := range []NodeID{NoNode, 3} {
		if got := s.At(id); got.ID != id || got.Status != Unused || got.Status.Serves() {
			t.Errorf("node %d: %+v", id, got)
		}
	}
}
