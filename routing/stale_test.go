package routing

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// world is a cluster whose truth is known, and a session that remembers what it
// has seen.
type world struct {
	*rand.Rand
	t       *testing.T
	board   *cluster.Board
	now     time.Time
	log     cluster.LSN // end of the primary's log
	replay  map[cluster.NodeID]cluster.LSN
	session Session
	policy  Policy
	calm    bool        // it writes little and has no hints
	seen    cluster.LSN // what the session has written or read
	others  time.Time
	last    cluster.LSN // of the newest write acknowledged to anybody
}

// Ensure, over random histories with failovers, that no read goes to a standby
// behind its token, nor behind what the session has seen.
func TestNeverStale(t *testing.T) {
	first := pgtest.Seed(t)
	for i := range uint64(300) {
		seed := first + i
		c := config.ConsistencySession
		if seed%3 == 0 {
			c = config.ConsistencyGlobal
		}
		nodes := []cluster.Node{{ID: 0, Weight: 1}, {ID: 1, Weight: 1}, {ID: 2, Weight: 1}}
		w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), t: t, board: cluster.NewBoard(nodes, start), now: start,
			log: 1000, replay: map[cluster.NodeID]cluster.LSN{}, session: NewSession(c), calm: seed%4 < 2,
			policy: Policy{StatementLevel: seed%2 == 0, PrimaryByWeight: seed%5 == 0, Delay: DelayLimit{Bytes: cluster.LSN(seed % 5 * 40), Lowest: seed%7 == 0}}}
		publish(w.board, 1, 0)
		for range 400 {
			w.now = w.now.Add(time.Duration(1+w.IntN(5)) * time.Millisecond)
			w.act()
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func (w *world) act() {
	snap := w.board.Current()
	switch n := w.IntN(100); {
	case n < 15: // somebody else writes
		w.log += cluster.LSN(1 + w.IntN(50))
		w.others, w.last = w.now, w.log
	case n < 40: // replay
		id := cluster.NodeID(w.IntN(3))
		w.replay[id] += cluster.LSN(w.IntN(int(w.log-min(w.replay[id], w.log)) + 1))
	case n < 60: // poll
		id := cluster.NodeID(w.IntN(3))
		lsn := w.replay[id]
		if id == snap.Primary {
			lsn = w.log
		}
		w.board.Record(id, cluster.Sample{Began: w.now.Add(-time.Microsecond), Epoch: snap.Epoch, LSN: lsn})
	case n < 70 && !w.calm, n < 61:
		w.write(snap)
	case n < 71 && !w.calm, n < 62:
		w.switchOver(snap)
	default:
		w.read(snap)
	}
}

func (w *world) write(snap *cluster.Snapshot) {
	if r := Decide(Input{Need: Write, Board: w.board, Now: w.now}, &w.session); r.Node != snap.Primary {
		w.t.Errorf("a write goes to node %d", r.Node)
	}
	w.log += 10
	w.seen = max(w.seen, w.log)
	w.others, w.last = w.now, w.log
	w.session.Observe(w.now, snap.Epoch, true)
}

func (w *world) read(snap *cluster.Snapshot) {
	in := Input{Need: Read, Board: w.board, Now: w.now, LastWrite: w.others, Roll: w.Uint32(), Policy: w.policy}
	if !w.calm && w.IntN(4) == 0 {
		in.Hint, _ = ParseWish([...]string{"primary", "standby", "node=0", "node=1", "node=2"}[w.IntN(5)], 3)
	}
	r := Decide(in, &w.session)
	switch {
	case r.Reason == WritesLost:
		w.session.Forgive(snap.Epoch)
		w.seen = 0
	case r.Node == snap.Primary:
		w.seen = max(w.seen, w.log)
		w.session.Observe(w.now, snap.Epoch, false)
	case r.Node == cluster.NoNode:
		w.t.Errorf("a read waits: %s", r.Reason)
	default:
		w.check(r.Node)
		w.session.NoteRead(r.Node, w.now, snap.Epoch)
	}
}

func (w *world) check(node cluster.NodeID) {
	sample := w.board.Position(node).Load()
	if sample.LSN < w.session.Token.LSN {
		w.t.Errorf("node %d at %s serves token %s", node, sample.LSN, w.session.Token.LSN)
	}
	if w.replay[node] < w.seen {
		w.t.Errorf("node %d at %s serves a session that has seen %s", node, w.replay[node], w.seen)
	}
	if w.session.Consistency == config.ConsistencyGlobal && w.replay[node] < w.last {
		w.t.Errorf("node %d at %s is behind the write at %s", node, w.replay[node], w.last)
	}
	w.seen = max(w.seen, w.replay[node])
}

// switchOver promotes a standby that has everything.
func (w *world) switchOver(snap *cluster.Snapshot) {
	next := (snap.Primary + 1) % 3
	w.replay[next] = w.log
	w.replay[snap.Primary] = w.log
	s := snap.Clone()
	s.Switches = append(s.Switches, cluster.Switch{Ended: snap.Epoch, LSN: w.log, Complete: true})
	w.board.Publish(s)
	publish(w.board, snap.Epoch+1, next)
}
