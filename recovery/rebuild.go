package recovery

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/host"
)

// rebuild replaces a node's data directory with a base backup of the primary.
type rebuild struct {
	prepared
	engine *Engine
	job    *job
	work   workdir
	phase  phase
	old    string // where the former directory is kept after the swap, "" when there was none
	undo   []func(context.Context) error
}

// phase says what a failure leaves behind.
type phase int

const (
	untouched phase = iota // the node was not stopped by us
	stopped                // the old directory is in its place
	swapped                // the new one is; there is no way back
)

// run carries out the steps in order. When one fails, what can be undone is
// undone, the newest first.
func (r *rebuild) run(ctx context.Context) *StepError {
	steps := []struct {
		step Step
		do   func(context.Context) error
	}{
		{StepStop, r.stop},
		{StepSlot, r.slot},
		{StepBackup, r.backup},
		{StepSwap, r.swap},
		{StepConfigure, r.configure},
		{StepStart, r.start},
		{StepStreaming, r.streaming},
		{StepCatchUp, r.catchUp},
		{StepAttach, r.attach},
		{StepCleanup, r.cleanup},
	}
	for _, s := range steps {
		r.job.enter(s.step, "")
		r.engine.log.Debug("recovery step", "node", r.node.ID, "step", s.step)
		err := s.do(ctx)
		if s.step < StepAttach && ctx.Err() != nil {
			err = context.Cause(ctx) // says more than what the step made of it
		}
		if err != nil {
			return r.fail(ctx, s.step, err)
		}
	}
	r.job.enter(StepDone, fmt.Sprintf("node %d is attached", r.node.ID))
	return nil
}

func (r *rebuild) fail(ctx context.Context, step Step, err error) *StepError {
	left := r.left()
	for _, undo := range slices.Backward(r.undo) {
		if undoErr := r.undoOne(ctx, undo); undoErr != nil {
			left += fmt.Sprintf("; cleaning up failed: %v", undoErr)
		}
	}
	return &StepError{Node: r.node.ID, Step: step, Err: err, Left: left}
}

// undoOne has a time of its own: to remove a large copy can take long.
func (r *rebuild) undoOne(ctx context.Context, undo func(context.Context) error) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	return undo(ctx)
}

// left describes the node for somebody who has to go on from here.
func (r *rebuild) left() string {
	switch {
	case r.phase == untouched:
		return "the node was not touched"
	case r.phase == stopped:
		return "its data directory is as it was, the node is stopped"
	case r.old == "":
		return "the new data directory is in place"
	default:
		return "the new data directory is in place, the former one is kept as " + r.old
	}
}

// stop ends the server, whatever it is doing: its directory is to be replaced.
func (r *rebuild) stop(ctx context.Context) error {
	if r.engine.board.Current().Primary == r.node.ID {
		return fmt.Errorf("node %d: %w: it is the primary now", r.node.ID, ErrPrimaryChanged)
	}
	running, err := r.instance.Running()
	if err != nil {
		return fmt.Errorf("node %d: %w", r.node.ID, err)
	}
	r.phase = stopped
	if !running {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.engine.cfg.Timeout)
	defer cancel()
	return r.instance.Stop(ctx, host.Immediate)
}

// slot makes the primary keep its log from before the copy until the node
// streams. The checkpoint is the copy's own (pg_basebackup -c fast).
func (r *rebuild) slot(ctx context.Context) error {
	name := r.node.SlotName()
	return r.engine.with(ctx, r.source, func(conn *pgx.Conn) error {
		outcome, err := reserveSlot(ctx, conn, name)
		if outcome == slotMade {
			r.undo = append(r.undo, r.dropSlot)
		}
		return err
	})
}

func (r *rebuild) dropSlot(ctx context.Context) error {
	return r.engine.with(ctx, r.source, func(conn *pgx.Conn) error {
		return dropIdleSlot(ctx, conn, r.node.SlotName())
	})
}

// backup copies the primary and has the copy compared with its manifest.
func (r *rebuild) backup(ctx context.Context) error {
	m := r.instance.Machine()
	removed, err := sweep(m, r.node.DataDirectory)
	if err != nil {
		return err
	}
	if len(removed) > 0 {
		r.job.say("removed leftovers of an unfinished recovery: " + strings.Join(removed, ", "))
	}
	if err := r.work.claim(); err != nil {
		return err
	}
	r.undo = append(r.undo, func(context.Context) error { return r.work.remove() })
	return r.instance.BaseBackup(ctx, host.BaseBackup{
		Source: r.source, Credentials: r.engine.cfg.Monitor, ApplicationName: r.node.Name,
		Target: r.work.path, Slot: r.node.SlotName(), MaxRate: r.engine.cfg.MaxRate,
		Progress: r.job.advance,
	})
}

// swap is the point of no return. The new directory has its standby.signal
// before: were it started by somebody after a crash of ours, it must not come
// up as a second primary.
func (r *rebuild) swap(context.Context) (err error) {
	m := r.instance.Machine()
	if err := r.own.write(m, r.work.path); err != nil {
		return err
	}
	if err := m.WriteFile(filepath.Join(r.work.path, "standby.signal"), nil, 0o600); err != nil {
		return err
	}
	if r.old, err = r.instance.Swap(r.work.path); err != nil {
		return err
	}
	r.phase, r.undo = swapped, nil
	return r.work.release()
}

// configure makes the copy this node: its own port, and the primary to follow.
func (r *rebuild) configure(context.Context) error {
	if s := r.facts.Source; len(r.own) == 0 {
		r.job.say("the configuration is a copy of the primary's, with the port of the node")
		if len(s.FilesOutside) > 0 {
			r.warn(fmt.Sprintf("%s of the primary is outside its data directory and was not copied: check the node's",
				strings.Join(s.FilesOutside, ", ")))
		}
	}
	if err := r.instance.Configure(map[string]string{"port": strconv.Itoa(r.node.Port)}); err != nil {
		return err
	}
	conninfo := r.source.PrimaryConninfo(r.node, r.engine.cfg.Monitor)
	return r.instance.Follow(conninfo, r.node.SlotName())
}

func (r *rebuild) warn(message string) {
	r.engine.log.Warn("recovery", "node", r.node.ID, "warning", message)
	r.job.say("warning: " + message)
}

func (r *rebuild) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.engine.cfg.Timeout)
	defer cancel()
	return r.instance.Start(ctx)
}

// attach puts the node back into service. It is not cancelled any more: the
// node is good.
func (r *rebuild) attach(ctx context.Context) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	return r.engine.owner.EndRecovery(ctx, r.node.ID, nil)
}

// cleanup removes the former directory, unless it is to be kept or could not
// be told from another cluster's. The recovery is done: trouble is a warning.
func (r *rebuild) cleanup(context.Context) error {
	switch {
	case r.old == "":
	case r.engine.cfg.KeepOld:
		r.job.say("the former data directory is kept as " + r.old)
	case r.facts.Target.Directory == DirDamaged:
		r.warn("the former data directory could not be identified and is kept as " + r.old)
	default:
		if err := r.instance.Machine().RemoveAll(r.old); err != nil {
			r.warn(fmt.Sprintf("the former data directory %s could not be removed: %v", r.old, err))
		}
	}
	return nil
}
