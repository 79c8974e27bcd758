package failover

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// runner carries out the actions that take time. It has no state: what is done
// when is Step's decision. Every action ends within its limit.
type runner struct {
	config    Config
	board     *cluster.Board // knows the nodes
	instances func(cluster.NodeID) (Instance, error)
	sessions  Sessions
	log       hclog.Logger
}

// glance is between two looks at something that is about to change.
const glance = 3 * time.Millisecond

const (
	freezeTimeout = 2 * time.Second  // how long one standby may hold up a failover
	fenceTimeout  = 10 * time.Second // how long the old primary may
)

func (r *runner) run(ctx context.Context, a Action) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit(a.Kind))
	defer cancel()
	switch a.Kind {
	case Freeze:
		return r.freeze(ctx, a)
	case Unfreeze:
		return Found{}, r.unfreeze(ctx, a)
	case Collect:
		return r.collect(ctx, a)
	case AwaitReplay:
		return r.awaitReplay(ctx, a)
	case Checkpoint:
		return Found{}, r.checkpoint(ctx, a)
	case PromoteNode:
		return r.promote(ctx, a)
	case Repoint:
		return Found{}, r.repoint(ctx, a)
	case Quiesce:
		return Found{}, r.quiesce(ctx, a)
	case Demote:
		return r.demote(ctx, a)
	case Reopen:
		return Found{}, r.reopen(ctx, a)
	}
	return r.runOnHost(ctx, a)
}

// limit is how long an action may take.
func (r *runner) limit(k ActionKind) time.Duration {
	c := r.config
	switch k {
	case Freeze, Collect:
		return min(c.ConnectTimeout, freezeTimeout)
	case Unfreeze:
		return c.ConnectTimeout
	case Fence:
		return min(c.SwitchoverTimeout, fenceTimeout)
	case Quiesce:
		return c.QuiesceTimeout
	case AwaitReplay:
		return c.CatchupTimeout
	case Checkpoint:
		return 10 * c.SwitchoverTimeout // it writes all that is dirty
	}
	return c.SwitchoverTimeout
}

func (r *runner) node(id cluster.NodeID) cluster.Node { return r.board.Current().Nodes[id].Node }

// with connects to node id, runs f, and says in errors which node it was.
func (r *runner) with(ctx context.Context, id cluster.NodeID, f func(*pgx.Conn) error) error {
	return r.withAs(ctx, id, r.config.Monitor, f)
}

func (r *runner) withAs(ctx context.Context, id cluster.NodeID, who cluster.Credentials, f func(*pgx.Conn) error) error {
	dial, cancel := context.WithTimeout(ctx, r.config.ConnectTimeout)
	defer cancel()
	conn, err := connect(dial, r.node(id), who)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	if err := f(conn); err != nil {
		return fmt.Errorf("node %d: %w", id, err)
	}
	return nil
}

// until calls cond every glance until it is true. When ctx ends first, the
// error says what was waited for.
func until(ctx context.Context, what string, cond func() (bool, error)) error {
	for {
		ok, err := cond()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok && err == nil {
			return nil
		}
		if !host.Sleep(ctx, glance) {
			return &overdue{what, ctx.Err()}
		}
	}
}

// overdue is something that was not seen in time.
type overdue struct {
	what string
	err  error // of the context
}

func (e *overdue) Error() string { return e.what + ": gave up waiting" }
func (e *overdue) Unwrap() error { return e.err }

func (r *runner) quiesce(ctx context.Context, a Action) error {
	if r.sessions == nil {
		return nil
	}
	return r.sessions.Quiesce(ctx, a.Node)
}

// checkpoint comes before anything has happened in a switchover: whether the node
// can be stopped is found out then, and a connection to its machine is there when
// writes are held.
func (r *runner) checkpoint(ctx context.Context, a Action) error {
	if a.Host {
		if err := r.tryHost(ctx, a); err != nil {
			return err
		}
	}
	return r.with(ctx, a.Node, func(c *pgx.Conn) error { return r.writeOut(ctx, c, a.Node) })
}
