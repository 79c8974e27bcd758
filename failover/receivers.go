package failover

import (
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
)

// showReceivers puts those that follow the primary and are no nodes on the board, for
// the console: no decision needs them.
func (l *loop) showReceivers(v Event) {
	e, ok := v.(Probed)
	if !ok || e.Node != l.state.Primary || e.Report.Outcome != Alive || e.Report.Role != cluster.Primary {
		return
	}
	r := cluster.Receivers{Primary: e.Node, Asked: e.Report.Began, End: e.Report.Received}
	for _, f := range e.Report.Followers {
		if !slices.ContainsFunc(l.state.Nodes, func(n NodeView) bool { return n.Name == f.Name }) {
			r.List = append(r.List, cluster.Receiver{Name: f.Name, State: f.State, SyncState: f.SyncState,
				Written: f.Written, Flushed: f.Flushed})
		}
	}
	l.engine.board.SetReceivers(r)
}
