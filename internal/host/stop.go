package host

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// abortPatience is how long an immediate shutdown may take before SIGKILL:
	// a server that is well needs a tenth of it.
	abortPatience = 500 * time.Millisecond
	killGlance    = 2 * time.Millisecond // between two looks whether they are gone
)

// Stop stops the server and waits until it is gone, at most until ctx ends; nil
// when it is not running. Immediate ends a server that hangs too: what an
// immediate shutdown leaves gets SIGKILL, orphaned backends included. nil then
// means that no process of a server works in the data directory.
func (i *Instance) Stop(ctx context.Context, mode StopMode) error {
	if mode == Immediate {
		return i.abort(ctx)
	}
	return i.shutDown(ctx, mode)
}

func (i *Instance) shutDown(ctx context.Context, mode StopMode) error {
	if running, err := i.Running(); err != nil || !running {
		return err
	}
	args := append(i.pgCtl(ctx, "stop"), "-s", "-m", mode.String())
	_, err := i.run(ctx, Command{Path: "pg_ctl", Args: args})
	if err == nil {
		return nil
	}
	if running, again := i.Running(); again == nil && !running {
		return nil // it went away by itself meanwhile
	}
	return i.fail("stop", err)
}

// abort counts on nothing but the kernel: the polite way is tried first because
// it leaves no shared memory behind.
func (i *Instance) abort(ctx context.Context) error {
	if _, err := i.Running(); errors.Is(err, ErrUnreachable) {
		return err // once is enough: each try takes its time
	}
	polite, cancel := context.WithTimeout(ctx, abortPatience)
	defer cancel()
	asked := i.shutDown(polite, Immediate)
	if err := i.killAll(ctx); err != nil {
		return i.fail("stop", errors.Join(err, asked))
	}
	return nil
}

// killAll returns when no server's process works in the data directory. The
// postmaster goes first: it would start new ones.
func (i *Instance) killAll(ctx context.Context) error {
	if err := i.killPostmaster(); err != nil {
		return err
	}
	for {
		pids, err := i.machine.ServersIn(i.node.DataDirectory)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := i.machine.KillServer(pid, i.node.DataDirectory); err != nil {
				return fmt.Errorf("SIGKILL to process %d: %w", pid, err)
			}
		}
		if !Sleep(ctx, killGlance) {
			return fmt.Errorf("processes %v of the server outlive SIGKILL, probably in a hung disk or network file system: "+
				"restart the machine or cut it off: %w", pids, ctx.Err())
		}
	}
}

func (i *Instance) killPostmaster() error {
	running, err := i.Running()
	if err != nil || !running {
		return err
	}
	pid, err := i.postmaster()
	if err != nil || pid == 0 {
		return err
	}
	if err := i.machine.KillServer(pid, i.node.DataDirectory); err != nil {
		return fmt.Errorf("SIGKILL to postmaster %d: %w", pid, err)
	}
	return nil
}
