package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxOutput = 1 << 20         // bytes of stdout that are kept
	tailLines = 10              // lines of stderr that an error shows
	killAfter = 5 * time.Second // from SIGTERM to SIGKILL
)

// ExitError is a command that ran and failed, or was cancelled.
type ExitError struct {
	Program string
	Code    int    // exit status; -1 when it was ended by a signal
	Stderr  string // its last lines
	Err     error
}

func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("%s: %v", e.Program, e.Err)
	}
	return fmt.Sprintf("%s: %v: %s", e.Program, e.Err, e.Stderr)
}

func (e *ExitError) Unwrap() error { return e.Err }

var errTooMuch = fmt.Errorf("the command printed more than %d bytes", maxOutput)

// Run sends SIGTERM to the command's process group when ctx ends, and SIGKILL
// when the command is still there 5 s later. It returns when the command is gone.
func (l *local) Run(ctx context.Context, c Command) ([]byte, error) {
	var stdout limited
	stderr := &lines{emit: c.Stderr}
	cmd, disarm := l.command(ctx, c)
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	err := cmd.Run()
	disarm()
	stderr.flush()
	if stdout.full {
		err = errTooMuch
	}
	if err == nil {
		return stdout.data.Bytes(), nil
	}
	return stdout.data.Bytes(), exitError(ctx, c, err, stderr.tail)
}

// command prepares c; the second result disarms the SIGKILL after the wait.
func (l *local) command(ctx context.Context, c Command) (cmd *exec.Cmd, disarm func()) {
	cmd = exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Stdin, cmd.Dir = c.Stdin, "/"
	if c.Dir != "" {
		cmd.Dir = c.Dir
	}
	cmd.Env = append(l.environment(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if l.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: l.owner.uid, Gid: l.owner.gid, Groups: l.owner.groups}
	}
	waited, killer := make(chan struct{}), new(sync.WaitGroup)
	cmd.WaitDelay = l.killAfter + time.Second // for a descendant that left the group and holds our pipes
	cmd.Cancel = func() error {
		killer.Go(func() { killLater(cmd.Process.Pid, l.killAfter, waited) })
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	}
	return cmd, func() { close(waited); killer.Wait() }
}

// killLater gives up once the command has been waited for.
func killLater(group int, after time.Duration, waited <-chan struct{}) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		_ = syscall.Kill(-group, syscall.SIGKILL) // gone already: nothing to do
	case <-waited:
	}
}

// environment is clean: a PGHOST or PGDATA of ours would mislead the programs.
func (l *local) environment() []string {
	env := []string{"HOME=" + l.owner.home, "USER=" + l.owner.name, "LOGNAME=" + l.owner.name}
	for _, name := range []string{"PATH", "LANG", "TZ", "LD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func exitError(ctx context.Context, c Command, err error, tail []string) error {
	e := &ExitError{Program: filepath.Base(c.Path), Code: -1, Stderr: strings.Join(tail, "; "), Err: err}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		e.Code = exit.ExitCode()
	}
	if ctx.Err() != nil {
		e.Err = fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	return e
}

// limited keeps the first maxOutput bytes and refuses more, which ends the
// command by SIGPIPE.
type limited struct {
	data bytes.Buffer
	full bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.data.Len()+len(p) > maxOutput {
		l.full = true
		return 0, errTooMuch
	}
	return l.data.Write(p)
}

// lines splits what is written at \n and \r, hands each line on, and keeps the
// last ones. A line is cut at 4 KiB.
type lines struct {
	emit func(string)
	part []byte
	tail []string
}

func (l *lines) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == '\n' || b == '\r':
			l.flush()
		case len(l.part) < 4096:
			l.part = append(l.part, b)
		}
	}
	return len(p), nil
}

func (l *lines) flush() {
	line := strings.TrimSpace(string(l.part))
	l.part = l.part[:0]
	if line == "" {
		return
	}
	if l.tail = append(l.tail, line); len(l.tail) > tailLines {
		l.tail = l.tail[1:]
	}
	if l.emit != nil {
		l.emit(line)
	}
}

// readlink reads a link as the owner.
func (l *local) readlink(link string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), killAfter)
	defer cancel()
	out, err := l.Run(ctx, Command{Path: "readlink", Args: []string{"-n", link}})
	var exit *ExitError
	if errors.As(err, &exit) && exit.Code == 1 {
		return "", fs.ErrNotExist
	}
	return string(out), err
}
