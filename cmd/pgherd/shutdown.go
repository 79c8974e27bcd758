package main

import (
	"context"
	"sync"
	"time"

	"github.com/pgherd/pgherd/admin"
)

// drainTimeout is how long sessions may go on after the first signal, or SHUTDOWN.
const drainTimeout = 30 * time.Second

// lookEvery is how often SHUTDOWN WAIT_FOR_CLIENTS looks whether they have left.
const lookEvery = 100 * time.Millisecond

// Shutdown asks for the end of the program.
func (a *app) Shutdown(mode admin.ShutdownMode) {
	select {
	case a.asked <- mode:
	default: // said before, and not noticed yet
	}
}

// awaitStop waits for a signal, which ends ctx, or for a SHUTDOWN, and returns how
// sessions are to be ended: drain bounds it. ok is false when serving has ended by
// itself.
func (a *app) awaitStop(ctx context.Context, served <-chan struct{}) (drain context.Context, cancel context.CancelFunc, ok bool) {
	var look <-chan time.Time
	for {
		select {
		case mode := <-a.asked:
			a.log.Info("asked to end", "command", mode.String())
			switch mode {
			case admin.WaitForClients:
				a.server.StopAccepting()
				ticker := time.NewTicker(lookEvery)
				defer ticker.Stop()
				look = ticker.C
				continue
			case admin.WaitForServers:
				drain, cancel = a.patiently(ctx)
				return drain, cancel, true
			}
		case <-look:
			if clients, err := a.server.Clients(ctx); err != nil || len(clients) > 0 {
				continue
			}
		case <-ctx.Done():
		case <-served:
			return nil, nil, false
		}
		drain, cancel = context.WithTimeout(context.Background(), drainTimeout)
		return drain, cancel, true
	}
}

// patiently gives sessions all the time that they want, up to a signal or another
// SHUTDOWN: from then on drainTimeout.
func (a *app) patiently(ctx context.Context) (context.Context, context.CancelFunc) {
	drain, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-a.asked:
		case <-drain.Done():
			return
		}
		select {
		case <-time.After(drainTimeout):
			stop()
		case <-drain.Done():
		}
	})
	return drain, func() {
		stop()
		wg.Wait()
	}
}
