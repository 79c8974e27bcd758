package failover

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// hookGrace is between a hook's SIGTERM and its SIGKILL.
const hookGrace = 5 * time.Second

// hookOutput is how much of what a hook prints is kept.
const hookOutput = 4 << 10

// hooks runs shell commands one after another. The loop alone uses it.
type hooks struct {
	queue []Action
	busy  bool
	ended chan struct{} // one slot: the running one has
}

// hook queues a and starts it when no other runs.
func (l *loop) hook(ctx context.Context, a Action) {
	l.hooks.queue = append(l.hooks.queue, a)
	l.nextHook(ctx)
}

func (l *loop) nextHook(ctx context.Context) {
	h := &l.hooks
	if h.busy || len(h.queue) == 0 {
		return
	}
	a := h.queue[0]
	h.queue, h.busy = h.queue[1:], true
	l.group.Go(func() {
		l.engine.runHook(ctx, a)
		h.ended <- struct{}{}
	})
}

// runHook runs one command. What it prints and how it ends is for people only:
// no decision depends on it.
func (e *Engine) runHook(ctx context.Context, a Action) {
	began := time.Now()
	output, err := shell(ctx, a.Text, e.config.Hooks.Timeout)
	took := time.Since(began).Round(time.Millisecond)
	text := fmt.Sprintf("%s ended after %s", a.Hook, took)
	if err != nil {
		text = fmt.Sprintf("%s failed after %s: %v", a.Hook, took, err)
	}
	if output != "" {
		text += ": " + output
	}
	if err != nil {
		e.log.Error(text, "node", a.Node)
	} else {
		e.log.Info(text, "node", a.Node)
	}
	e.event(cluster.EventHook, a.Node, text)
}

// shell runs command, and ends it and its children when it takes too long.
func shell(ctx context.Context, command string, timeout time.Duration) (output string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than %s", timeout))
	defer cancel()
	var kept head
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Stdout, cmd.Stderr = &kept, &kept
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = hookGrace
	err = cmd.Run()
	if ctx.Err() != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever is left of the group
		err = context.Cause(ctx)
	}
	return strings.TrimSpace(string(kept)), err
}

// head keeps the first hookOutput bytes.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), hookOutput-len(*h))]...)
	return len(p), nil
}
