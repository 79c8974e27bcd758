package failover

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// loop is the goroutine that holds the State.
type loop struct {
	engine  *Engine
	group   *sync.WaitGroup // of the actions' goroutines
	state   State
	waiting map[uint64]*waiter // by request number
	later   []Event            // results of actions that were carried out at once
	hooks   hooks
}

func (l *loop) run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-l.engine.events:
			l.step(ctx, v)
		case r := <-l.engine.asked:
			l.waiting[r.Number] = r.waiter
			l.step(ctx, r.Requested)
		case look := <-l.engine.looks:
			look(&l.state)
		case <-ticker.C:
			l.step(ctx, Tick{})
		case <-l.hooks.ended:
			l.hooks.busy = false
			l.nextHook(ctx)
		}
	}
}

func (l *loop) step(ctx context.Context, v Event) {
	for l.later = append(l.later, v); len(l.later) > 0; {
		v, l.later = l.later[0], l.later[1:]
		l.trace(v)
		var actions []Action
		l.state, actions = Step(l.state, v, time.Now())
		l.perform(ctx, actions)
		l.showReceivers(v)
	}
}

// trace logs results; reports and ticks are too many.
func (l *loop) trace(v Event) {
	log := l.engine.log
	if e, ok := v.(Done); ok && log.IsDebug() {
		log.Debug("done", "action", e.Kind, "node", e.Node, "error", e.Err)
	}
}

// perform carries the quick actions out in order and starts the others. When a
// record could not be saved, requests answered after it hear of that.
func (l *loop) perform(ctx context.Context, actions []Action) {
	var unsaved error
	for _, a := range actions {
		if l.engine.log.IsDebug() && a.Kind != Probe {
			l.engine.log.Debug("action", "action", a)
		}
		switch a.Kind {
		case Publish:
			l.publish(ctx, a.Snapshot)
		case Probe:
			l.engine.monitor(a.Node).alarm.ring(false)
		case Reply:
			l.reply(a, unsaved)
		case Progress, Note:
			l.tell(a)
		case Save:
			unsaved = l.save(a)
		case Hook:
			l.hook(ctx, a)
		case Watch:
			l.engine.watch(ctx, l.group, l.state.Nodes[a.Node].Node)
		default:
			l.launch(ctx, a)
		}
	}
}

func (l *loop) publish(ctx context.Context, s *cluster.Snapshot) {
	before := l.engine.board.Current()
	l.engine.board.Publish(s)
	for _, n := range s.Nodes {
		was := before.At(n.ID)
		if !n.Status.Serves() {
			l.engine.board.Forget(n.ID, time.Now())
		}
		if n.Status == cluster.Up && n.Role == cluster.Standby && was.Status != cluster.Up {
			l.group.Go(func() { l.engine.runner.tidySlots(ctx, n.ID) })
			l.engine.board.Need(time.Now()) // its position, for clients that come now
		}
		if was.Status != n.Status || was.Reason != n.Reason {
			l.engine.log.Info("node status", "node", n.ID, "status", n.Status, "was", was.Status, "reason", n.Reason)
			l.engine.event(cluster.EventStatus, n.ID, strings.TrimSuffix(fmt.Sprintf("%s, was %s: %s", n.Status, was.Status, n.Reason), ": "))
		}
	}
	if before.Primary != s.Primary || before.Epoch != s.Epoch {
		l.engine.log.Info("primary", "node", s.Primary, "epoch", s.Epoch)
		l.engine.event(cluster.EventStatus, s.Primary, fmt.Sprintf("primary is %s in epoch %d", named(s.Primary), s.Epoch))
	}
	l.engine.positions.rouseAll()
}

func (l *loop) save(a Action) error {
	err := l.engine.store.Save(*a.Record)
	if err != nil {
		l.engine.log.Error("state not saved", "error", err)
	}
	l.later = append(l.later, Done{Op: a.Op, Kind: Save, Node: a.Node, Err: err})
	return err
}

func (l *loop) reply(a Action, unsaved error) {
	w := l.waiting[a.Request]
	delete(l.waiting, a.Request)
	if a.Err == nil {
		a.Err = unsaved
	}
	w.answer <- a.Err
}

// named is a node in a message: "node 1", or "none".
func named(id cluster.NodeID) string {
	if id == cluster.NoNode {
		return "none"
	}
	return fmt.Sprintf("node %d", id)
}

func (l *loop) tell(a Action) {
	l.engine.event(cluster.EventFailover, cluster.NoNode, a.Text)
	if a.Kind == Note {
		l.engine.log.Warn(a.Text)
		return
	}
	l.engine.log.Info(a.Text)
	if w := l.waiting[a.Request]; w != nil {
		select {
		case w.progress <- a.Text:
		default:
		}
	}
}

func (l *loop) launch(ctx context.Context, a Action) {
	l.group.Go(func() {
		found, err := l.engine.runner.run(ctx, a)
		if err != nil && ctx.Err() == nil {
			l.engine.log.Warn("action failed", "action", a.Kind, "node", a.Node, "error", err)
		}
		l.engine.post(ctx, Done{Op: a.Op, Kind: a.Kind, Node: a.Node, Err: err, Found: found})
	})
}
