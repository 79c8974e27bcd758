package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// ErrBusy is returned by Recover for a node that a job works on already.
var ErrBusy = errors.New("a recovery of this node is running")

// ErrClosed is returned by Recover after Close, and is the cause of the jobs
// that Close ended.
var ErrClosed = errors.New("pgherd is shutting down")

// ErrPrimaryChanged ends a job whose source is not the primary any more.
var ErrPrimaryChanged = errors.New("the primary changed meanwhile")

// ErrNotRunning is returned by Kill when there is nothing to kill.
var ErrNotRunning = errors.New("no recovery of this node is running")

// ErrKilled is the cause of a job that Kill ended.
var ErrKilled = errors.New("it was killed")

// NodeError is ErrBusy or ErrNotRunning, of a node.
type NodeError struct {
	Node cluster.NodeID
	Err  error
}

func (e *NodeError) Error() string { return fmt.Sprintf("node %d: %v", e.Node, e.Err) }
func (e *NodeError) Unwrap() error { return e.Err }

// Hint says where recoveries are to be seen, and how one is ended.
func (e *NodeError) Hint() string {
	if e.Err == ErrBusy {
		return fmt.Sprintf("SHOW POOL_RECOVERY tells how far it is, KILL RECOVERY %d ends it", e.Node)
	}
	return "SHOW POOL_RECOVERY has those that there are"
}

// SQLState is object_in_use or object_not_in_prerequisite_state.
func (e *NodeError) SQLState() string {
	if e.Err == ErrBusy {
		return "55006"
	}
	return "55000"
}

// RefusedError is returned by Recover when Plan found obstacles: nothing was
// touched.
type RefusedError struct {
	Node      cluster.NodeID
	Obstacles []Obstacle
}

func (e *RefusedError) Error() string {
	problems := make([]string, len(e.Obstacles))
	for i, o := range e.Obstacles {
		problems[i] = o.Problem
	}
	return fmt.Sprintf("node %d cannot be recovered: %s", e.Node, strings.Join(problems, "; "))
}

// Hint says what to do about the obstacles, in their order.
func (e *RefusedError) Hint() string {
	hints := make([]string, len(e.Obstacles))
	for i, o := range e.Obstacles {
		hints[i] = o.Hint
	}
	return strings.Join(hints, "; ")
}

// SQLState is object_not_in_prerequisite_state.
func (e *RefusedError) SQLState() string { return "55000" }

// lookError is of a preflight that could not look at everything.
type lookError struct {
	node cluster.NodeID
	err  error
}

func (e *lookError) Error() string {
	if isCancelled(e.err) {
		return fmt.Sprintf("recovery of node %d was cancelled in step %s; nothing has been touched", e.node, StepPreflight)
	}
	return fmt.Sprintf("recover node %d: preflight: %v", e.node, e.err)
}
func (e *lookError) Unwrap() error { return e.err }

// Hint is that of the cause, if it has one.
func (e *lookError) Hint() string {
	var hinted interface{ Hint() string }
	if errors.As(e.err, &hinted) {
		return hinted.Hint()
	}
	if isCancelled(e.err) {
		return fmt.Sprintf("run RECOVER NODE %d again", e.node)
	}
	return fmt.Sprintf("nothing has been touched: put that right and run RECOVER NODE %d again", e.node)
}

// StepError is returned by Recover for a job that began and did not end well.
type StepError struct {
	Node      cluster.NodeID
	Procedure Procedure
	Step      Step
	Err       error
	Left      string // in what state the node was left
}

func (e *StepError) Error() string {
	if isCancelled(e.Err) {
		return fmt.Sprintf("recovery of node %d was cancelled in step %s; %s", e.Node, e.Step, e.Left)
	}
	return fmt.Sprintf("recovery of node %d failed in step %s: %v; %s", e.Node, e.Step, e.Err, e.Left)
}

func (e *StepError) Unwrap() error { return e.Err }

// Hint says how to go on.
func (e *StepError) Hint() string {
	if e.Procedure == Follow && e.Step >= StepStart && !isCancelled(e.Err) {
		return fmt.Sprintf("look into the server log of the node; RECOVER NODE %d REBUILD does without its directory", e.Node)
	}
	if e.Procedure == TwoStage {
		return fmt.Sprintf("run RECOVER NODE %d WITH (two_stage) again; the first stage begins anew", e.Node)
	}
	again := fmt.Sprintf("run RECOVER NODE %d again; it begins anew", e.Node)
	if isCancelled(e.Err) {
		return again
	}
	return "put right what it says and " + again
}

// SQLState is query_canceled for a job that was cancelled, else
// object_not_in_prerequisite_state.
func (e *StepError) SQLState() string {
	if isCancelled(e.Err) {
		return "57014"
	}
	return "55000"
}

// whyEnded is the cause of ctx's end. One that is not known here is that of whoever
// asked for the recovery, and has called it off.
func whyEnded(ctx context.Context) error {
	cause := context.Cause(ctx)
	if isCancelled(cause) || errors.Is(cause, ErrPrimaryChanged) || errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return fmt.Errorf("%w: %w", context.Canceled, cause)
}

// isCancelled reports whether somebody called the job off.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) || errors.Is(err, ErrKilled)
}
