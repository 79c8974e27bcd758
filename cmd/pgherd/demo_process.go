package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pgherd/pgherd/internal/host"
)

// process is one run of a program: the number alone may be another program's
// by now.
type process struct {
	pid   int
	start string // clock ticks from boot to its start, as /proc has it
}

// lookAt reads /proc; false when there is no such process, or only its corpse.
func lookAt(pid int) (process, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	// The name, in parentheses, may hold anything. What follows begins with
	// field 3, the state; field 22 is the start.
	_, rest, _ := strings.Cut(string(data[strings.LastIndexByte(string(data), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return process{}, false
	}
	return process{pid, fields[19]}, true
}

func (p process) alive() bool {
	now, there := lookAt(p.pid)
	return there && now == p
}

func writePidFile(m host.Machine, path string, pid int) error {
	p, there := lookAt(pid)
	if !there {
		return fmt.Errorf("process %d ended at once", pid)
	}
	return m.WriteFile(path, fmt.Appendf(nil, "%d\n%s\n", p.pid, p.start), 0o644)
}

// readPidFile reports the process and whether it still runs.
func readPidFile(path string) (process, bool) {
	data, err := os.ReadFile(path)
	fields := strings.Fields(string(data))
	if err != nil || len(fields) != 2 {
		return process{}, false
	}
	pid, err := strconv.Atoi(fields[0])
	p := process{pid, fields[1]}
	return p, err == nil && pid > 0 && p.alive()
}

// waitGone polls: the process is not our child.
func (p process) waitGone(ctx context.Context, patience time.Duration) bool {
	deadline := time.Now().Add(patience)
	for p.alive() {
		if time.Now().After(deadline) || !host.Sleep(ctx, 20*time.Millisecond) {
			return false
		}
	}
	return true
}

// end asks pgherd to drain, then to stop at once, and then does it.
func (p process) end(ctx context.Context) error {
	for _, step := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{syscall.SIGTERM, 10 * time.Second}, {syscall.SIGTERM, 2 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := syscall.Kill(p.pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("pgherd, process %d: %w", p.pid, err)
		}
		if p.waitGone(ctx, step.patience) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("pgherd, process %d, does not end", p.pid)
}

// stop ends what runs in the directory; nothing is no error. A demo in the
// foreground stops its nodes itself, and may still be at it.
func (d *demo) stop(ctx context.Context) error {
	if err := d.load(); err != nil {
		return err
	}
	if p, running := readPidFile(d.pidFile()); running {
		if err := p.end(ctx); err != nil {
			return err
		}
	}
	if err := errors.Join(d.stopNodes(), d.machine.RemoveAll(d.pidFile())); err != nil {
		return err
	}
	d.say("stopped; the next start of the demo in %s goes on from here", d.dir)
	return nil
}

// detach runs pgherd serve in a session of its own, and returns when it answers.
func (d *demo) detach(ctx context.Context) (err error) {
	started, err := d.startNodes(ctx)
	if err != nil {
		return errors.Join(err, d.stopNodes())
	}
	cmd, err := d.spawn()
	if err != nil {
		return errors.Join(err, d.stopNodes())
	}
	p, _ := lookAt(cmd.Process.Pid)
	ended := func() error {
		if p.alive() {
			return nil
		}
		return fmt.Errorf("pgherd ended: the end of %s:\n%s", d.logFile(), tailOf(d.machine, d.logFile()))
	}
	err = writePidFile(d.machine, d.pidFile(), cmd.Process.Pid)
	if err == nil {
		err = d.awaitReady(ctx, started, ended)
	}
	if err != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		_ = cmd.Wait()                          // why it ended is in its log
		return errors.Join(err, d.stopNodes(), d.machine.RemoveAll(d.pidFile()))
	}
	d.guide()
	d.say("Stop it with: %s", d.stopLine())
	return cmd.Process.Release()
}

func (d *demo) spawn() (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := openLog(d.logFile())
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(program, "serve", "--config", d.configFile())
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Start()
}

func tailOf(m host.Machine, path string) string {
	data, err := m.Tail(path, 2<<10)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
