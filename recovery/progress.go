package recovery

import (
	"fmt"
	"time"
)

// Step is where a job is. Steps follow each other in this order.
type Step int

const (
	StepPreflight Step = iota
	StepMark           // the membership engine is told; the node leaves service
	StepStop
	StepSlot
	StepRewind // a rebuild has none, and only a rebuild has the next two and the clean-up
	StepBackup // copied and verified
	StepSwap
	StepConfigure
	StepStart
	StepFirstStage // only a recovery by scripts has this one and the next three
	StepHold       // new transactions wait, until the node is attached
	StepSecondStage
	StepRemoteStart
	StepStreaming
	StepCatchUp
	StepAttach
	StepCleanup
	StepDone
)

func (s Step) String() string {
	return [...]string{
		"preflight", "mark_recovering", "stop", "slot_on_source", "rewind", "base_backup", "swap",
		"fix_config", "start",
		"first_stage", "hold_clients", "second_stage", "remote_start", "streaming", "caught_up", "attach", "cleanup_old_dir", "done",
	}[s]
}

// Progress tells the caller of Recover how far its job is. Bytes and Total
// count the copied files in StepBackup and StepRewind, and the log replayed since the
// start in StepCatchUp; both are 0 elsewhere. Total is an estimate: it may be
// exceeded while the primary grows.
type Progress struct {
	Step    Step
	Bytes   int64
	Total   int64
	Elapsed time.Duration // since the job began
	Message string
	Moving  bool // nothing is new but how far the step is
}

// String is one line: the step, and the message if there is one.
func (p Progress) String() string {
	if p.Message == "" {
		return p.Step.String()
	}
	return p.Step.String() + ": " + p.Message
}

// meter measures the bytes of one step: how fast, and when to tell.
type meter struct {
	began time.Time
	told  time.Time
	rate  float64 // bytes per second since began
}

// describe says how far n bytes of total are: "31 MB of 120 MB, 15 MB/s, 6 s left".
func (m *meter) describe(n, total int64) string {
	text := size(n) + " of " + size(total)
	if n > 0 && m.rate >= 1 {
		text += ", " + size(int64(m.rate)) + "/s"
	}
	if n > 0 && n < total && m.rate >= 1 {
		left := time.Duration(float64(total-n) / m.rate * float64(time.Second))
		text += fmt.Sprintf(", %s left", max(left, time.Second).Round(time.Second))
	}
	return text
}

// tellEvery keeps a long copy from flooding the client with notices.
const tellEvery = time.Second

// observe notes that n bytes are done and reports whether to tell somebody.
func (m *meter) observe(n, total int64, now time.Time) bool {
	if elapsed := now.Sub(m.began).Seconds(); elapsed > 0 {
		m.rate = float64(n) / elapsed
	}
	if n < total && now.Sub(m.told) < tellEvery {
		return false
	}
	m.told = now
	return true
}

// size prints a number of bytes as PostgreSQL's pg_size_pretty does.
func size(n int64) string {
	units := [...]string{"bytes", "kB", "MB", "GB", "TB"}
	u := 0
	for n >= 10*1024 && u < len(units)-1 {
		n = (n + 512) / 1024
		u++
	}
	return fmt.Sprintf("%d %s", n, units[u])
}
