package main

import (
	"context"
	"fmt"
	"time"

	"github.com/pgherd/pgherd/admin"
	"github.com/pgherd/pgherd/failover"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/recovery"
	"github.com/pgherd/pgherd/server"
)

// Each adapter joins an interface that one room has declared to another room.

// observer passes on what the pools notice. The engine is set before anything runs.
type observer struct{ engine *failover.Engine }

func (o *observer) Suspect(node cluster.NodeID, err error) { o.engine.Suspect(node, err) }

// commander is the console's view of the failover engine.
type commander struct {
	*failover.Engine
	pools *pool.Pools
}

func (c commander) Promote(ctx context.Context, node cluster.NodeID, mode admin.PromoteMode, progress func(string)) error {
	return c.Engine.Promote(ctx, node, modeOf(mode), progress)
}

func modeOf(mode admin.PromoteMode) failover.Mode {
	if mode == admin.Force {
		return failover.Force
	}
	return failover.Switchover
}

func (c commander) Explain(ctx context.Context, node cluster.NodeID, mode admin.PromoteMode) (admin.Plan, error) {
	x, err := c.Engine.Explain(ctx, node, modeOf(mode))
	plan := admin.Plan{Steps: x.Steps}
	for _, o := range x.Obstacles {
		plan.Obstacles = append(plan.Obstacles, admin.Obstacle(o))
	}
	return plan, err
}

func (c commander) Changes(ctx context.Context) (list []admin.Change, err error) {
	changes, err := c.Engine.Changes(ctx)
	for _, x := range changes {
		list = append(list, admin.Change{Epoch: x.Epoch, Kind: string(x.Kind), From: x.From, To: x.To, Phase: x.Phase,
			Since: x.Since, End: x.End, Complete: x.Complete})
	}
	return list, err
}

// DetachGracefully drains the node until nobody holds a connection to it.
func (c commander) DetachGracefully(ctx context.Context, node cluster.NodeID, progress func(string)) error {
	undo, err := c.Engine.Drain(ctx, node)
	if err != nil {
		return err
	}
	defer undo()
	progress("no statement begins there any more; waiting for those that run")
	if err := c.pools.Quiesce(ctx, node); err != nil {
		return fmt.Errorf("node %d was not detached: %w", node, err)
	}
	return c.Engine.Detach(ctx, node)
}

// recoverer is the console's view of the recovery engine.
type recoverer struct {
	engine  *recovery.Engine
	journal *cluster.Journal
}

func (r recoverer) Recover(ctx context.Context, node cluster.NodeID, how admin.RecoverOptions, progress func(string)) error {
	return r.engine.RecoverWith(ctx, node, optionsOf(how), func(p recovery.Progress) {
		if !p.Moving {
			r.note(node, p.String())
		}
		progress(p.String())
	})
}

func (r recoverer) note(node cluster.NodeID, text string) {
	r.journal.Add(cluster.Event{At: time.Now(), Node: node, Kind: cluster.EventRecovery, Text: text})
}

func (r recoverer) KillRecovery(ctx context.Context, node cluster.NodeID) error {
	return r.engine.Kill(ctx, node)
}

func (r recoverer) Check(ctx context.Context, node cluster.NodeID) error {
	return r.engine.Check(ctx, node)
}

func optionsOf(how admin.RecoverOptions) recovery.Options {
	return recovery.Options{Procedure: procedureOf(how.Mode), Force: how.Force, Source: how.Source,
		MaxRate: rateOf(how.MaxRate), KeepOld: how.KeepOld}
}

func procedureOf(m admin.RecoverMode) recovery.Procedure {
	return map[admin.RecoverMode]recovery.Procedure{admin.RecoverFollow: recovery.Follow,
		admin.RecoverRewind: recovery.Rewind, admin.RecoverRebuild: recovery.Rebuild, admin.RecoverTwoStage: recovery.TwoStage}[m]
}

func (r recoverer) ExplainRecover(ctx context.Context, node cluster.NodeID, how admin.RecoverOptions) (admin.Plan, error) {
	x, err := r.engine.Explain(ctx, node, optionsOf(how))
	plan := admin.Plan{Diagnosis: x.Reason, Loss: x.Loss}
	if x.Procedure != recovery.Undecided {
		plan.Diagnosis = x.Procedure.String() + ": " + x.Reason
	}
	for _, s := range x.Steps {
		plan.Steps = append(plan.Steps, s.String())
	}
	for _, o := range x.Obstacles {
		plan.Obstacles = append(plan.Obstacles, admin.Obstacle{Problem: o.Problem, Hint: o.Hint})
	}
	return plan, err
}

func (r recoverer) RecoveryJobs() []admin.RecoveryJob {
	var all []admin.RecoveryJob
	for _, j := range r.engine.Jobs() {
		row := admin.RecoveryJob{Node: int(j.Node), Source: int(j.Source), Procedure: j.Procedure.String(), Step: j.Step.String(),
			Since: j.Since, Ended: j.Ended, Bytes: j.Bytes, Total: j.Total, Rate: j.Rate, Lag: j.Lag, Lost: j.Lost, Message: j.Message}
		if j.Err != nil {
			row.Error = j.Err.Error()
		}
		all = append(all, row)
	}
	return all
}

// applications is the recovery engine's view of the server, which is set before
// anything runs.
type applications struct{ *server.Server }

// console is the server's view of package admin. It is set before anything runs.
type console struct{ admin *admin.Console }

func (c *console) Describe(user, sql string) ([]byte, error) { return c.admin.Describe(user, sql) }

func (c *console) Answer(ctx context.Context, user, sql string) ([]byte, error) {
	return c.admin.Answer(ctx, user, sql)
}

func (c *console) Serve(ctx context.Context, client server.ConsoleClient) error {
	return c.admin.Serve(ctx, admin.Session{Conn: client.Conn, User: client.User, Database: client.Database, Params: client.Params, Cancels: client.Canceled})
}
