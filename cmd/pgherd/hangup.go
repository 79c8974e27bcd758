package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// sortHangups tells the two meanings of SIGHUP apart: that the terminal which the
// process began with has gone, which ends the returned context, and that somebody
// asks for a reload, which is passed on. stop must be called.
func sortHangups(parent context.Context, terminal func() bool) (ctx context.Context, reloads <-chan os.Signal, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	hangups, asked := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	attached := terminal()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case s := <-hangups:
				if attached && !terminal() {
					cancel()
					return
				}
				select {
				case asked <- s:
				default: // one is pending
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return ctx, asked, func() {
		signal.Stop(hangups)
		cancel()
		wg.Wait()
	}
}

// hasTerminal reports whether the process has a controlling terminal.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}
