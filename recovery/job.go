package recovery

import (
	"context"
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Job is one recovery, live or past, as SHOW POOL_RECOVERY prints it.
type Job struct {
	Node      cluster.NodeID
	Source    cluster.NodeID // whose files are copied; cluster.NoNode until the preflight has chosen it
	Procedure Procedure
	Step      Step // of a failed job: where it failed
	Since     time.Time
	Ended     time.Time // zero while it runs
	Bytes     int64     // of the step, as in Progress
	Total     int64
	Rate      float64 // bytes per second, mean of the step
	Lag       int64   // how far replay is behind the primary in bytes, while the node catches up
	Lost      string  // what the node alone had and the recovery takes back, "" for nothing
	Message   string  // the newest
	Err       error   // nil while it runs and when it succeeded
}

// job is a running Job.
type job struct {
	cancel context.CancelCauseFunc
	tell   func(Progress) // never under mu
	how    Options
	ended  chan struct{} // closed when nothing of the job is left

	mu      sync.Mutex     // guards following
	row     Job            // Node does not change
	primary cluster.NodeID // whom the node is to follow; NoNode until the preflight has found it
	meter   meter
}

func newJob(node cluster.NodeID, how Options, cancel context.CancelCauseFunc, tell func(Progress), now time.Time) *job {
	if tell == nil {
		tell = func(Progress) {}
	}
	return &job{
		cancel: cancel, tell: inTurn(tell), how: how, ended: make(chan struct{}), meter: meter{began: now},
		primary: cluster.NoNode, row: Job{Node: node, Source: cluster.NoNode, Since: now},
	}
}

// inTurn keeps goroutines of a job from calling tell at once.
func inTurn(tell func(Progress)) func(Progress) {
	var mu sync.Mutex
	return func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		tell(p)
	}
}

// plan notes what the preflight decided.
func (j *job) plan(p Procedure, primary, source cluster.NodeID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.row.Procedure, j.row.Source, j.primary = p, source, primary
}

// copies is whose files the job copies, if it copies any; NoNode until that is decided.
func (j *job) copies() cluster.NodeID {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.row.Source
}

func (j *job) follows() cluster.NodeID {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.primary
}

// enter begins a step and tells it.
func (j *job) enter(s Step, message string) {
	now := time.Now()
	j.mu.Lock()
	j.row.Step, j.row.Bytes, j.row.Total, j.row.Rate, j.row.Lag, j.row.Message = s, 0, 0, 0, 0, message
	j.meter = meter{began: now}
	p := j.progressLocked(now)
	j.mu.Unlock()
	j.tell(p)
}

// say tells something about the current step.
func (j *job) say(message string) {
	j.mu.Lock()
	j.row.Message = message
	p := j.progressLocked(time.Now())
	j.mu.Unlock()
	j.tell(p)
}

// advance notes how far the current step is, and tells it once a second.
func (j *job) advance(done, total int64) {
	now := time.Now()
	j.mu.Lock()
	due := j.meter.observe(done, total, now)
	j.row.Bytes, j.row.Total, j.row.Rate = done, total, j.meter.rate
	j.row.Message = j.meter.describe(done, total)
	p := j.progressLocked(now)
	p.Moving = true
	j.mu.Unlock()
	if due {
		j.tell(p)
	}
}

// behind notes how far the replay has to go.
func (j *job) behind(bytes int64) {
	j.mu.Lock()
	j.row.Lag = bytes
	j.mu.Unlock()
}

// lose notes what the node alone had.
func (j *job) lose(what string) {
	j.mu.Lock()
	j.row.Lost = what
	j.mu.Unlock()
}

func (j *job) progressLocked(now time.Time) Progress {
	return Progress{
		Step: j.row.Step, Bytes: j.row.Bytes, Total: j.row.Total,
		Elapsed: now.Sub(j.row.Since), Message: j.row.Message,
	}
}

func (j *job) snapshot() Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.row
}

// end closes the row. A failed job stays in the step that failed.
func (j *job) end(err error, now time.Time) Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.row.Ended, j.row.Err = now, err
	return j.row
}
