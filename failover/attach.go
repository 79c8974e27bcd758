package failover

import (
	"context"
	"errors"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// attachPatience is how long a server that was just started has to answer and to
// stream. A WAL receiver that finds nobody tries again after 5 s
// (wal_retrieve_retry_interval).
const attachPatience = 6 * time.Second

// attachEvery is how often that is looked at.
const attachEvery = 100 * time.Millisecond

// Attach brings a node back into service that is down. One that was just started
// gets time to stream from the primary.
func (e *Engine) Attach(ctx context.Context, node cluster.NodeID) error {
	for until := time.Now().Add(attachPatience); ; {
		err := e.request(ctx, Requested{Kind: RequestAttach, Node: node}, nil)
		var r *RefusedError
		if !errors.As(err, &r) || !r.passing || time.Now().After(until) {
			return err
		}
		e.monitor(node).alarm.ring(false)
		if !host.Sleep(ctx, attachEvery) {
			return ctx.Err()
		}
	}
}

// mayPass marks a refusal of n that is worth another try soon: it starts, or has
// not begun to stream.
func (e *RefusedError) mayPass(n *NodeView) *RefusedError {
	e.passing = n.Last.Outcome != Alive || n.follows() && n.Last.Receiver.Status != "streaming"
	return e
}
