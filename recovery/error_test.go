package recovery

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Ensure that every failure says how to go on, and no more than is true: who has
// cancelled has nothing to put right.
func TestHints(t *testing.T) {
	broken := errors.New("permission denied")
	for _, c := range []struct {
		err  interface{ Hint() string }
		want string
	}{
		{&lookError{1, broken}, "nothing has been touched: put that right and run RECOVER NODE 1 again"},
		{&lookError{1, &NodeError{1, ErrBusy}}, "KILL RECOVERY 1 ends it"},
		{&StepError{Node: 1, Procedure: Rewind, Step: StepConfigure, Err: broken}, "put right what it says and run RECOVER NODE 1 again; it begins anew"},
		{&StepError{Node: 1, Procedure: Rewind, Step: StepConfigure, Err: context.Canceled}, "run RECOVER NODE 1 again; it begins anew"},
		{&StepError{Node: 1, Procedure: Follow, Step: StepStreaming, Err: broken}, "RECOVER NODE 1 REBUILD does without its directory"},
	} {
		got := c.err.Hint()
		if !strings.HasSuffix(got, c.want) || strings.HasPrefix(c.want, "run") && got != c.want {
			t.Errorf("%+v: hint %q, want %q", c.err, got, c.want)
		}
	}
}

// Ensure that a job is said to be cancelled, whatever its caller's reason for that is.
func TestCancelledByTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("canceling statement due to user request"))
	for _, err := range []error{
		&StepError{Node: 1, Procedure: Rebuild, Step: StepBackup, Err: whyEnded(ctx)},
		&lookError{1, whyEnded(ctx)},
	} {
		hint := err.(interface{ Hint() string }).Hint()
		if !strings.Contains(err.Error(), "of node 1 was cancelled in step ") || !strings.HasPrefix(hint, "run RECOVER NODE 1 again") || !errors.Is(err, context.Cause(ctx)) {
			t.Errorf("%v; hint %s", err, hint)
		}
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(ErrPrimaryChanged)
	if err := whyEnded(ended); err != ErrPrimaryChanged {
		t.Errorf("%v is said to be a cancellation", err)
	}
}
