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
