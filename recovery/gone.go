package recovery

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// goneError says that the primary has removed the log that the node needs next, since it
// was looked at: a new slot keeps it from the latest checkpoint on only.
type goneError struct{ why string }

func (e *goneError) Error() string { return e.why }

// comeUpOrRebuild starts the node with the directory that it has. If its log is gone and
// nobody asked for a procedure, the node is rebuilt.
func (r *repair) comeUpOrRebuild(ctx context.Context) *StepError {
	failed := r.carryOut(ctx, r.comeUp()...)
	var gone *goneError
	if failed == nil || !errors.As(failed, &gone) || !r.mayRebuild() {
		return failed
	}
	r.rebuildInstead(gone.why)
	return r.carryOut(ctx, stage{StepStop, r.halt}, stage{StepSlot, r.reserve})
}

// mayRebuild reports whether a copy may make up for a procedure that has failed.
func (r *repair) mayRebuild() bool {
	how := r.facts.How
	return how.Procedure == Undecided && (how.Limit == Undecided || how.Limit >= Rebuild) && len(rebuildObstacles(r.facts)) == 0
}

func (r *repair) rebuildInstead(why string) {
	r.warn(fmt.Sprintf("the %s failed, the node is rebuilt: %s", r.procedure, why))
	r.procedure = Rebuild
	r.job.plan(Rebuild, r.source.ID, r.origin.ID)
}

// whyBehind finds out whether it is a goneError.
func (r *repair) whyBehind(ctx context.Context, at cluster.LSN, cause error) error {
	if r.procedure != Follow || r.facts.Target.Log == nil {
		return cause
	}
	gone := *r.facts.Source
	err := r.engine.with(ctx, r.source, func(conn *pgx.Conn) (err error) {
		gone.OldestLog, err = askOldestLog(ctx, conn)
		return err
	})
	l := *r.facts.Target.Log
	l.End = max(l.End, at)
	if err != nil || !lacksLog(&gone, &l) {
		return cause
	}
	return &goneError{fmt.Sprintf("the primary has removed its log before %s, the node needs it from %s", gone.OldestLog, l.End)}
}
