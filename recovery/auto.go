package recovery

import (
	"context"
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// autoEvery is between two looks at the board.
const autoEvery = time.Second

// RunAuto recovers nodes that have failed by themselves, as far as Config.Auto lets
// it, until ctx ends; then it waits for the jobs, which end as well. tell is called
// with what happens, also from several goroutines at once.
func (e *Engine) RunAuto(ctx context.Context, tell func(cluster.NodeID, string)) {
	if e.cfg.Auto == Undecided {
		return
	}
	var jobs sync.WaitGroup
	defer jobs.Wait()
	pilot := newAutopilot()
	results := make(chan autoResult)
	ticker := time.NewTicker(autoEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-results:
			tell(r.node, pilot.verdict(r.node, e.cfg.Auto, r.err))
		case now := <-ticker.C:
			for _, node := range pilot.due(e.board.Current(), e.calledOff(), now) {
				jobs.Go(func() { e.recoverAlone(ctx, node, tell, results) })
			}
		}
	}
}

// autoResult is what came of one try.
type autoResult struct {
	node cluster.NodeID
	err  error
}

// recoverAlone keeps the old directory whatever is configured: nobody has looked at
// it, and it may be the only place where some rows are.
func (e *Engine) recoverAlone(ctx context.Context, node cluster.NodeID, tell func(cluster.NodeID, string), results chan<- autoResult) {
	how := Options{Source: cluster.NoNode, Limit: e.cfg.Auto, KeepOld: true}
	err := e.RecoverWith(ctx, node, how, func(p Progress) {
		if !p.Moving {
			tell(node, p.String())
		}
	})
	select {
	case results <- autoResult{node, err}:
	case <-ctx.Done():
	}
}

// calledOff are the nodes whose last recovery was cancelled, and when.
func (e *Engine) calledOff() map[cluster.NodeID]time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	off := map[cluster.NodeID]time.Time{}
	for _, j := range e.past {
		delete(off, j.Node)
		if isCancelled(j.Err) {
			off[j.Node] = j.Ended
		}
	}
	return off
}
