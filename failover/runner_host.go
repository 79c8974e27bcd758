package failover

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// runOnHost carries out what SQL cannot do.
func (r *runner) runOnHost(ctx context.Context, a Action) (Found, error) {
	if r.node(a.Node).Access == cluster.AccessSQL {
		return r.runBySQL(ctx, a)
	}
	i, err := r.instances(a.Node)
	if err != nil {
		return Found{}, fmt.Errorf("node %d: %s: %w", a.Node, a.Kind, err)
	}
	switch a.Kind {
	case Fence:
		return r.fence(ctx, i, a)
	case Stop:
		return r.stop(ctx, i, a)
	case Start:
		return Found{}, r.start(ctx, i)
	case Rejoin:
		return Found{}, r.rejoin(ctx, i, a)
	}
	return Found{}, fmt.Errorf("node %d: no way to %s", a.Node, a.Kind)
}

// tryHost sees whether the node's machine can be worked on.
func (r *runner) tryHost(ctx context.Context, a Action) error {
	if r.node(a.Node).Access == cluster.AccessSQL {
		return r.trySQL(ctx, a)
	}
	i, err := r.instances(a.Node)
	if err == nil {
		_, err = i.Running()
	}
	return err
}

// fence sees to it that an old primary has ended. Found tells where its log ends when
// it was stopped in order before.
func (r *runner) fence(ctx context.Context, i Instance, a Action) (Found, error) {
	if err := i.Stop(ctx, host.Immediate); err != nil {
		return Found{}, err
	}
	end, err := i.ShutdownLSN(ctx)
	if err != nil {
		r.log.Debug("the end of its log is not known", "node", a.Node, "error", err)
	}
	return Found{Received: end}, nil
}

// stop shuts a primary down in order and finds the end of its log. By force it
// is stopped in any case, and the error says that its log has no proper end.
func (r *runner) stop(ctx context.Context, i Instance, a Action) (Found, error) {
	err := i.Stop(ctx, host.Fast)
	if err != nil && a.Force {
		more, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.config.SwitchoverTimeout)
		defer cancel()
		if again := i.Stop(more, host.Immediate); again != nil {
			err = errors.Join(err, again)
		}
	}
	if err != nil {
		return Found{}, err
	}
	end, err := i.ShutdownLSN(ctx)
	return Found{Received: end}, err
}

// start brings an old primary back. One that still runs is stuck in its
// shutdown, which is cut short: nothing was promoted, so recovery from its own
// log loses nothing.
func (r *runner) start(ctx context.Context, i Instance) error {
	if err := i.Stop(ctx, host.Immediate); err != nil {
		return err
	}
	return i.Start(ctx)
}

var errRunsAlready = errors.New("somebody started it meanwhile")

// rejoin starts a stopped old primary as a standby of a.To.
func (r *runner) rejoin(ctx context.Context, i Instance, a Action) error {
	running, err := i.Running()
	if err != nil {
		return err
	}
	if running {
		return fmt.Errorf("node %d: %w", a.Node, errRunsAlready)
	}
	slot, err := r.slotFor(ctx, a)
	if err != nil {
		return err
	}
	old, err := i.PrimaryConninfo(ctx)
	if err != nil {
		return err
	}
	if err := i.Follow(r.conninfo(a, old), slot); err != nil {
		return err
	}
	if err := i.Start(ctx); err != nil {
		return err
	}
	return r.with(ctx, a.Node, func(c *pgx.Conn) error { return r.awaitStreaming(ctx, c, a) })
}
