package failover

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// notInPrerequisiteState is the SQLSTATE of everything that is refused or
// given up (PostgreSQL, appendix A).
const notInPrerequisiteState = "55000"

// queryCanceled is the SQLSTATE of what its caller has withdrawn.
const queryCanceled = "57014"

// RefusedError answers a request that was not begun: nothing was touched.
type RefusedError struct {
	message, hint string
	passing       bool // it may go by itself, soon
}

func refuse(hint, format string, args ...any) *RefusedError {
	return &RefusedError{message: fmt.Sprintf(format, args...), hint: hint}
}

func (e *RefusedError) Error() string { return e.message }

// Hint says what to do, in the words of the console.
func (e *RefusedError) Hint() string { return e.hint }

// SQLState is object_not_in_prerequisite_state.
func (e *RefusedError) SQLState() string { return notInPrerequisiteState }

// FailedError answers a promotion that was begun and did not succeed.
type FailedError struct {
	Kind    OpKind
	To      cluster.NodeID // NoNode when it was not chosen yet
	Primary cluster.NodeID // in whose hands the cluster was left, or NoNode
	Err     error
}

func (e *FailedError) Error() string {
	if e.To == cluster.NoNode {
		return fmt.Sprintf("%s failed: %v", e.Kind.title(), e.Err)
	}
	return fmt.Sprintf("%s to node %d failed: %v", e.Kind.title(), e.To, e.Err)
}

func (e *FailedError) Unwrap() error { return e.Err }

// Hint says where things stand.
func (e *FailedError) Hint() string {
	if e.Primary == cluster.NoNode {
		return "There is no primary now: SHOW POOL_NODES tells what each node says; PROMOTE NODE n again, or with FORCE, when log may be lost."
	}
	if errors.Is(e.Err, context.Canceled) {
		return fmt.Sprintf("Node %d is the primary, as before.", e.Primary)
	}
	return fmt.Sprintf("Node %d is the primary, as before. Remove the cause and try again.", e.Primary)
}

// SQLState is object_not_in_prerequisite_state, or query_canceled.
func (e *FailedError) SQLState() string {
	if errors.Is(e.Err, context.Canceled) {
		return queryCanceled
	}
	return notInPrerequisiteState
}

// withHint is an error and its hint in one line.
func withHint(err error) string {
	var r *RefusedError
	if errors.As(err, &r) {
		return fmt.Sprintf("%v (%s)", err, strings.TrimSuffix(r.hint, "."))
	}
	return err.Error()
}

// ErrStopped is returned by requests when Run has returned.
var ErrStopped = error(refuse("Connect again when pgherd has restarted; an unfinished promotion is then undone or finished.",
	"the failover engine has stopped"))

var (
	errBusy = refuse("Try again when it is done; SHOW POOL_FAILOVER says how far it is.",
		"another change of the primary is under way")
	errInterrupted = refuse("Try again.", "pgherd was restarted in the middle of a switchover")
	errHalfway     = refuse("Try again.", "an earlier switchover was not undone yet")
	errNoStandby   = refuse("See the reasons in SHOW POOL_EVENTS; ATTACH or RECOVER a standby.", "no standby can take over")
)

// obstacle is a reason not to promote a node.
type obstacle struct {
	weight  weight
	problem string
	hint    string
}

// weight says whether it is worth waiting.
type weight int

const (
	lasting weight = iota // somebody must do something
	passing               // it may go by itself
	untold                // no report is fresh enough to know
)

// cannotPromote tells all obstacles in one error.
func cannotPromote(node cluster.NodeID, list []obstacle) *RefusedError {
	var problems, hints []string
	for _, o := range list {
		problems, hints = append(problems, o.problem), append(hints, o.hint)
	}
	return refuse(strings.Join(hints, " "), "cannot promote node %d: %s", node, strings.Join(problems, "; "))
}
