package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/config"
)

func serveCommand(ctx context.Context, args []string, _ io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	file := flags.String("config", "pgherd.yaml", "configuration `file`")
	format := flags.String("log-format", "", "text or json; overrides the file's log.format")
	profile := flags.String("cpu-profile", "", "write a CPU profile of the whole run to `file`")
	if err := parse(flags, args); err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from now on it ends nothing
	defer signal.Stop(hangups)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // nor does a log that nobody reads any more
	stopProfile, err := startProfile(*profile)
	if err != nil {
		return err
	}
	defer stopProfile()
	cfg, err := config.Load(*file)
	if err != nil {
		return err
	}
	logging := cfg.Log
	if logging.Format, err = logFormat(*format, logging.Format); err != nil {
		return err
	}
	logs, err := openLogFile(cfg.Log.File)
	if err != nil {
		return err
	}
	defer logs.Close()
	log := newLogger(logging, logs)
	logs.lost = func(lines int) { log.Warn("lines of the log were lost: nobody took them", "lines", lines) }
	a, err := newApp(cfg, log)
	if err != nil {
		return err
	}
	a.reloads.file, a.logs = *file, logs
	if a.manager, err = managerOf(); err != nil {
		return err
	}
	return a.runWithHangups(ctx, hangups)
}

// runWithHangups runs a and reloads its configuration with each SIGHUP.
func (a *app) runWithHangups(ctx context.Context, hangups <-chan os.Signal) error {
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-hangups:
				a.hangup()
			case <-done:
				return
			}
		}
	})
	defer wg.Wait()
	defer close(done)
	return a.Run(ctx)
}

// hangup reloads; Reload logs what it did.
func (a *app) hangup() {
	a.told(a.manager.reloading())
	status := a.serving()
	if _, err := a.Reload(); err != nil {
		status = "serving by the former configuration: " + err.Error()
	}
	a.told(a.manager.ready(status))
}

// serving is the line for the service manager.
func (a *app) serving() string {
	return "serving clients at " + strings.Join(a.server.Addresses(), ", ")
}

// told logs that the service manager could not be told something.
func (a *app) told(err error) {
	if err != nil {
		a.log.Warn("the service manager was not told", "error", err)
	}
}

// startProfile profiles the process until stop is called; "" does nothing.
func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("--cpu-profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("--cpu-profile: %w", err), f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}

// logFormat is what the flag --log-format says, or the file where it is "".
func logFormat(flag string, file config.LogFormat) (config.LogFormat, error) {
	switch flag {
	case "":
		return file, nil
	case "text":
		return config.LogText, nil
	case "json":
		return config.LogJSON, nil
	}
	return 0, fmt.Errorf("--log-format is %q; it can be text or json", flag)
}

func newLogger(c config.Log, out io.Writer) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name: "pgherd", Level: hclog.LevelFromString(c.Level.String()), Output: out, JSONFormat: c.Format == config.LogJSON,
	})
}
