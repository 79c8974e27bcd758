package failover

import (
	"context"
	"fmt"
)

// canceledError is why an operation ended that its caller has withdrawn.
type canceledError struct{ when string }

func (e *canceledError) Error() string { return "canceled " + e.when }

func canceledIn(p Phase) error {
	return &canceledError{fmt.Sprintf("in step %s, before the point of no return", p)}
}

// Unwrap says that the caller's own context was the reason.
func (e *canceledError) Unwrap() error { return context.Canceled }

// canceled takes a request back. One that was answered meanwhile is nobody's.
func (s *stepper) canceled(e Canceled) {
	switch {
	case s.Asked != nil && s.Asked.Request == e.Number:
		s.reply(e.Number, &FailedError{Kind: OpSwitchover, To: s.Asked.Node, Primary: s.reigning(), Err: &canceledError{"before it had begun"}})
		s.Asked = nil
	case s.Op != nil && s.Op.Request == e.Number && e.Number != 0:
		s.withdraw()
	}
}

// withdraw undoes the operation if there is still a way back. An action that
// changes a server is let end first: its opposite must not run beside it.
func (s *stepper) withdraw() {
	op := s.Op
	switch op.Phase {
	case PhaseCheckpoint, PhaseQuiesce, PhaseCollect, PhaseCatchup:
		s.abort(canceledIn(op.Phase))
	case PhaseIntent, PhaseStop, PhaseFreeze, PhaseFence:
		op.Withdrawn = true
		s.progress("canceled in step %s: is undone as soon as that has ended", op.Phase)
	case PhaseRestart:
		s.progress("canceled: it is being undone already")
	default:
		s.progress("past the point of no return at step %s: the %s goes on", op.Phase, op.Kind.title())
	}
}

// undone ends an operation that was withdrawn in a phase that has ended now.
func (s *stepper) undone() bool {
	if s.Op.Withdrawn {
		s.abort(canceledIn(s.Op.Phase))
	}
	return s.Op == nil || s.Op.Phase == PhaseRestart
}
