package failover

import (
	"context"
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// look calls f with the state, on the goroutine that holds it. f must be quick and
// must not change it.
func (e *Engine) look(ctx context.Context, f func(*State)) error {
	done := make(chan struct{})
	select {
	case e.looks <- func(s *State) { f(s); close(done) }:
		<-done
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.stopped:
		return ErrStopped
	}
}

// Change is a change of the primary: the one under way, or one that has ended an
// epoch.
type Change struct {
	Epoch    cluster.Epoch // that it ends, or has ended
	Kind     OpKind        // or "outside", of one that pgherd has found done; "" when it is not known
	From, To cluster.NodeID
	Phase    string      // "" when it is over
	Since    time.Time   // of the phase; when it was decided, of one that is over
	End      cluster.LSN // of the epoch's log; 0 while it is not known
	Complete bool        // nothing behind End was lost
}

// Changes lists the changes of the primary that are remembered, oldest first.
func (e *Engine) Changes(ctx context.Context) (list []Change, err error) {
	err = e.look(ctx, func(s *State) {
		for _, w := range s.Switches {
			list = append(list, over(w))
		}
		if o := s.Op; o != nil {
			c := Change{Epoch: s.Epoch, Kind: o.Kind, From: o.From, To: o.To, Phase: o.Phase.String()}
			if s.Journal != nil {
				c.Since = s.Journal.Since
			}
			list = append(list, c)
		}
	})
	return list, err
}

// over is a change that has ended.
func over(w cluster.Switch) Change {
	c := Change{Epoch: w.Ended, From: cluster.NoNode, To: cluster.NoNode, End: w.LSN, Complete: w.Complete}
	if w.By.Kind != "" {
		c.Kind, c.From, c.To, c.Since = OpKind(w.By.Kind), w.By.From, w.By.To, w.By.At
	}
	return c
}

// Explanation is what a promotion would do, and what stands in its way now.
type Explanation struct {
	Steps     []string
	Obstacles []Obstacle
}

// Obstacle is a reason to refuse.
type Obstacle struct {
	Problem, Hint string
	Passing       bool // it may go by itself: a promotion waits a moment for it
}

// Explain tells what Promote would do, by the last reports. Nothing is done.
func (e *Engine) Explain(ctx context.Context, node cluster.NodeID, mode Mode) (x Explanation, err error) {
	err = e.look(ctx, func(s *State) { x = explain(s, node, mode, time.Now()) })
	return x, err
}

func explain(s *State, node cluster.NodeID, mode Mode, now time.Time) Explanation {
	st := &stepper{State: s.clone(), now: now}
	if node == st.reigning() {
		return Explanation{Obstacles: []Obstacle{{Problem: fmt.Sprintf("node %d is the primary already", node),
			Hint: "SHOW POOL_NODES lists the standbys that can be promoted."}}}
	}
	x := Explanation{Steps: st.plan(node)}
	if s.Op != nil || s.Asked != nil {
		x.Obstacles = append(x.Obstacles, Obstacle{errBusy.message, errBusy.hint, true})
	}
	for _, o := range st.obstacles(&Preflight{Node: node, Mode: mode}) {
		x.Obstacles = append(x.Obstacles, Obstacle{o.problem, o.hint, o.weight != lasting})
	}
	return x
}

// plan is the steps of a promotion, in words.
func (s *stepper) plan(node cluster.NodeID) []string {
	c := s.Config
	var steps []string
	add := func(format string, args ...any) { steps = append(steps, fmt.Sprintf(format, args...)) }
	if s.usurps(&s.Nodes[node]) {
		add("raise the epoch to %d: from here on there is no way back", s.Epoch+1)
		add("take node %d for the primary as it is, and let writes through", node)
		return steps
	}
	if s.leaderless() {
		add("stop the receivers of all standbys and read how much of the log each one has")
		if s.canStop(s.Primary) && !s.resigned() {
			add("make sure that node %d, the primary that was, has ended", s.Primary)
		}
		add("wait until node %d has replayed what it has, for %v at most", node, c.CatchupTimeout)
	} else {
		add("checkpoint on node %d, so that it stops quickly", s.Primary)
		add("hold writes, and wait until sessions have left node %d, for %v at most", s.Primary, c.QuiesceTimeout)
		if s.unstoppable(s.Primary) {
			if len(s.Nodes) > 2 {
				add("stop the receivers of the other standbys")
			}
			add("make node %d read-only by default and end its sessions; it cannot be stopped (access none): "+
				"what clients that go around pgherd may still write there is lost", s.Primary)
		} else {
			add("stop node %d in order%s", s.Primary, s.means("by pgpool_pgctl on itself"))
		}
		add("wait until node %d has replayed all of its log, for %v at most", node, c.CatchupTimeout)
	}
	add("raise the epoch to %d: from here on there is no way back", s.Epoch+1)
	add("promote node %d and let writes through", node)
	for _, n := range s.Nodes {
		switch {
		case n.ID == node || n.Detached || n.Status == cluster.Recovering:
		case n.ID == s.Primary && !s.leaderless() && s.unstoppable(n.ID):
			add("leave node %d down: %s", n.ID, remedy(&s.Nodes[n.ID]))
		case n.ID == s.Primary && !s.leaderless():
			add("start node %d as a standby of node %d%s", n.ID, node, s.means(fmt.Sprintf("by the script %s of node %d", host.RemoteStart, node)))
		case n.follows() && !s.foreign(&s.Nodes[n.ID]):
			add("have node %d follow node %d", n.ID, node)
		}
	}
	return steps
}

// means tells how the primary is stopped and started where pgherd has only SQL for it.
func (s *stepper) means(how string) string {
	if s.Nodes[s.Primary].Access != cluster.AccessSQL {
		return ""
	}
	return ", " + how
}
