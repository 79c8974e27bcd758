package recovery

import (
	"context"
	"errors"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Explanation is what Recover would do, and what stands in its way.
type Explanation struct {
	Procedure Procedure // Undecided when there are obstacles
	Reason    string    // of Diagnose; "" while not everything could be looked at
	Loss      string    // what the node alone has and would lose, "" for nothing
	Steps     []Step    // a running node is looked at again when it has been stopped
	Obstacles []Obstacle
}

// Explain is the preflight of RecoverWith alone: it touches nothing. The error is of a
// look that failed.
func (e *Engine) Explain(ctx context.Context, node cluster.NodeID, how Options) (Explanation, error) {
	j := newJob(node, e.byScripts(node, how), func(error) {}, nil, time.Now())
	if j.how.Procedure == TwoStage {
		return e.explainScripts(ctx, j)
	}
	p, err := e.preflight(ctx, j)
	var x Explanation
	if p.facts.Source != nil && p.facts.Target != nil {
		_, x.Reason = Diagnose(p.facts.Source, p.facts.Target)
	}
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		x.Obstacles = refused.Obstacles
		return x, nil
	}
	if err == nil {
		x.Procedure, x.Steps, x.Loss = p.procedure, stepsOf(p.procedure), p.alone(ctx)
		x.Reason += p.placement()
	}
	return x, err
}

// stepsOf lists what a job does after its preflight.
func stepsOf(p Procedure) []Step {
	steps := []Step{StepMark, StepStop, StepSlot}
	switch p {
	case Rewind:
		steps = append(steps, StepRewind)
	case Rebuild:
		steps = append(steps, StepBackup, StepSwap)
	}
	steps = append(steps, StepConfigure, StepStart, StepStreaming, StepCatchUp, StepAttach)
	if p == Rebuild {
		steps = append(steps, StepCleanup)
	}
	return steps
}
