package recovery

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/host"
)

// repair is one job under way, by whichever procedure.
type repair struct {
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
	untouched  phase = iota // the node was not stopped by us
	stopped                 // the old directory is in its place
	following               // its server was started with it
	rewinding               // it is good for nothing
	rewound                 // it is the primary's, up to where the two parted
	swapped                 // the new one is; there is no way back
	scriptsRan              // what they have done is not known here
)

// stage is one step and what it does.
type stage struct {
	step Step
	do   func(context.Context) error
}

// run carries out the steps in order. When one fails, what can be undone is
// undone, the newest first.
func (r *repair) run(ctx context.Context) *StepError {
	err := r.carryOut(ctx, stage{StepStop, r.stop}, stage{StepSlot, r.slot})
	if err == nil && r.procedure == Rewind {
		err = r.rewindOrRebuild(ctx)
	}
	if err == nil && r.procedure != Rebuild {
		err = r.comeUpOrRebuild(ctx)
	}
	if err == nil && r.procedure == Rebuild {
		err = r.carryOut(ctx, append([]stage{{StepBackup, r.backup}, {StepSwap, r.swap}}, r.comeUp()...)...)
	}
	if err == nil {
		err = r.carryOut(ctx, stage{StepAttach, r.attach})
	}
	if err == nil && r.procedure == Rebuild {
		err = r.carryOut(ctx, stage{StepCleanup, r.cleanup})
	}
	if err != nil {
		return err
	}
	r.job.enter(StepDone, fmt.Sprintf("node %d is attached", r.node.ID))
	return nil
}

// comeUp is the way from a directory to a node that has caught up.
func (r *repair) comeUp() []stage {
	return []stage{{StepConfigure, r.configure}, {StepStart, r.start}, {StepStreaming, r.streaming}, {StepCatchUp, r.catchUp}}
}

func (r *repair) carryOut(ctx context.Context, stages ...stage) *StepError {
	for _, s := range stages {
		if err := r.attempt(ctx, s); err != nil {
			return r.fail(ctx, s.step, err)
		}
	}
	return nil
}

func (r *repair) attempt(ctx context.Context, s stage) error {
	r.job.enter(s.step, "")
	r.engine.log.Debug("recovery step", "node", r.node.ID, "step", s.step)
	cancelled := func() bool { return s.step < StepAttach && ctx.Err() != nil }
	if cancelled() {
		return whyEnded(ctx)
	}
	err := s.do(ctx)
	if cancelled() {
		return whyEnded(ctx) // says more than what the step made of it
	}
	return err
}

func (r *repair) fail(ctx context.Context, step Step, err error) *StepError {
	left := r.left()
	for _, undo := range slices.Backward(r.undo) {
		if undoErr := r.undoOne(ctx, undo); undoErr != nil {
			left += fmt.Sprintf("; cleaning up failed: %v", undoErr)
		}
	}
	return &StepError{Node: r.node.ID, Procedure: r.procedure, Step: step, Err: err, Left: left}
}

// undoOne has a time of its own: to remove a large copy can take long.
func (r *repair) undoOne(ctx context.Context, undo func(context.Context) error) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	return undo(ctx)
}

// left describes the node for somebody who has to go on from here.
func (r *repair) left() string {
	switch {
	case r.phase == untouched:
		return "the node was not touched"
	case r.phase == stopped:
		return "its data directory is as it was, the node is stopped"
	case r.phase == following:
		return "its data directory is as it was, and its server was started to follow the primary"
	case r.phase == rewinding:
		return "its data directory is of no use any more and has to be rebuilt, the node is stopped"
	case r.phase == rewound:
		return "its data directory has been rewound"
	case r.phase == scriptsRan:
		return "the node is as the scripts have left it"
	case r.old == "":
		return "the new data directory is in place"
	default:
		return "the new data directory is in place, the former one is kept as " + r.old
	}
}

// stop ends the server. In order, since its directory may be used again, unless a copy
// was asked for; a server that does not stop so, at once.
func (r *repair) stop(ctx context.Context) error {
	if r.engine.board.Current().Primary == r.node.ID {
		return fmt.Errorf("node %d: %w: it is the primary now", r.node.ID, ErrPrimaryChanged)
	}
	if err := r.tidy(ctx); err != nil {
		return err
	}
	running, err := r.instance.Running()
	if err != nil {
		return fmt.Errorf("node %d: %w", r.node.ID, err)
	}
	r.phase = stopped
	if !running {
		return nil
	}
	if r.facts.How.Procedure == Rebuild {
		return r.stopServer(ctx, host.Immediate)
	}
	if err := r.halt(ctx); err != nil {
		return err
	}
	return r.decideAnew(ctx)
}

// halt ends the server in order or, when it does not stop so, at once.
func (r *repair) halt(ctx context.Context) error {
	if r.phase == following {
		r.phase = stopped
	}
	err := r.stopServer(ctx, host.Fast)
	if err != nil && ctx.Err() == nil {
		err = r.stopServer(ctx, host.Immediate)
	}
	return err
}

func (r *repair) stopServer(ctx context.Context, mode host.StopMode) error {
	ctx, cancel := context.WithTimeout(ctx, r.engine.cfg.Timeout)
	defer cancel()
	return r.instance.Stop(ctx, mode)
}

// decideAnew looks at what was still running when it was looked at first.
func (r *repair) decideAnew(ctx context.Context) error {
	if err := r.engine.look(ctx, &r.prepared); err != nil {
		return err
	}
	procedure, found := Plan(r.facts)
	if len(found) > 0 {
		return &RefusedError{r.node.ID, found}
	}
	r.procedure = procedure
	r.job.plan(procedure, r.source.ID, r.origin.ID)
	r.job.say("stopped; " + r.announcement())
	return nil
}

// slot is the last step before something of the node is lost.
func (r *repair) slot(ctx context.Context) error {
	if err := r.reserve(ctx); err != nil {
		return err
	}
	r.tellLoss(ctx)
	r.archive(ctx)
	return nil
}

// reserve makes the primary keep its log from before the copy until the node
// streams. The checkpoint is the copy's own (pg_basebackup -c fast).
func (r *repair) reserve(ctx context.Context) error {
	name := r.node.SlotName()
	err := r.engine.with(ctx, r.source, func(conn *pgx.Conn) error {
		outcome, err := reserveSlot(ctx, conn, name)
		if outcome == slotMade {
			r.undo = append(r.undo, r.dropSlot)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.awaitOrigin(ctx)
}

func (r *repair) dropSlot(ctx context.Context) error {
	return r.engine.with(ctx, r.source, func(conn *pgx.Conn) error {
		return dropIdleSlot(ctx, conn, r.node.SlotName())
	})
}

// configure makes the directory this node's, and has it follow the primary.
func (r *repair) configure(ctx context.Context) error {
	if r.procedure != Follow {
		r.explainConfiguration()
		if err := r.instance.Configure(map[string]string{"port": strconv.Itoa(r.node.Port)}); err != nil {
			return err
		}
	}
	if l := r.facts.Target.Log; r.procedure == Follow && !l.Standby {
		if err := r.dropOwnSlots(); err != nil {
			return err
		}
	}
	conninfo, err := r.primaryConninfo(ctx)
	if err != nil {
		return err
	}
	if err := r.instance.Follow(conninfo, r.node.SlotName()); err != nil {
		return err
	}
	if err := r.useArchive(); err != nil {
		return err
	}
	return r.endRewind()
}

// explainConfiguration tells the operator what is not the node's own.
func (r *repair) explainConfiguration() {
	if len(r.own) > 0 {
		return
	}
	r.job.say("the configuration is a copy of that of node " + strconv.Itoa(int(r.origin.ID)) + ", with the port of the node")
	if s := r.facts.Copied; len(s.FilesOutside) > 0 {
		r.warn(fmt.Sprintf("%s of node %d is outside its data directory and was not copied: check the node's",
			strings.Join(s.FilesOutside, ", "), r.origin.ID))
	}
}

// primaryConninfo keeps what the node's own says beside the server, such as sslmode.
func (r *repair) primaryConninfo(ctx context.Context) (string, error) {
	if r.procedure == Rebuild {
		return r.source.PrimaryConninfo(r.node, r.engine.cfg.Monitor), nil
	}
	old, err := r.instance.PrimaryConninfo(ctx)
	if err != nil {
		return "", err
	}
	return r.source.FollowConninfo(old, r.node, r.engine.cfg.Monitor)
}

func (r *repair) warn(message string) {
	r.engine.log.Warn("recovery", "node", r.node.ID, "warning", message)
	r.job.say("warning: " + message)
}

// start leaves the slot from now on: the node streams by it also when the job fails.
func (r *repair) start(ctx context.Context) error {
	r.undo = nil
	if r.phase == stopped {
		r.phase = following
	}
	ctx, cancel := context.WithTimeout(ctx, r.engine.cfg.Timeout)
	defer cancel()
	return r.instance.Start(ctx)
}

// attach puts the node back into service. It is not cancelled any more: the
// node is good.
func (r *repair) attach(ctx context.Context) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	return r.engine.owner.EndRecovery(ctx, r.node.ID, nil)
}
