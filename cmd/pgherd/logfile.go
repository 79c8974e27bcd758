package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	maxUnwritten = 1 << 20     // bytes of lines that wait to be written
	lastLines    = time.Second // for them to be written at the end
)

// logFile is where the log goes: stderr, or a file that can be opened again under
// its name when somebody has moved it away. Who logs, an event loop perhaps, waits for
// neither: a goroutine writes. When nobody reads at the other end of a pipe, lines are
// lost, and later it is told how many.
type logFile struct {
	path string        // "" for stderr
	lost func(int)     // logs how many lines were lost; set before the first is written
	more chan struct{} // there is something to write; one slot
	done chan struct{} // closed when the goroutine has ended

	writing sync.Mutex // held while a file is written to or changed; before mu
	file    *os.File

	mu      sync.Mutex // guards what follows
	lines   []byte     // not written yet
	dropped int        // lines
	closed  bool
}

func openLogFile(path string) (*logFile, error) {
	l := &logFile{path: path, file: os.Stderr, lost: func(int) {}, more: make(chan struct{}, 1), done: make(chan struct{})}
	if err := l.Reopen(); err != nil {
		return nil, err
	}
	go l.run()
	return l, nil
}

// Write takes one line. It never blocks and never fails.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	if len(l.lines)+len(line) > maxUnwritten {
		l.dropped++
	} else {
		l.lines = append(l.lines, line...)
	}
	l.mu.Unlock()
	l.wake()
	return len(line), nil
}

func (l *logFile) wake() {
	select {
	case l.more <- struct{}{}:
	default: // it will look
	}
}

func (l *logFile) run() {
	defer close(l.done)
	for range l.more {
		l.writing.Lock()
		dropped, closed := l.flush()
		l.writing.Unlock()
		if dropped > 0 {
			l.lost(dropped)
		}
		if closed {
			return
		}
	}
}

// flush writes what there is. l.writing must be held.
func (l *logFile) flush() (dropped int, closed bool) {
	l.mu.Lock()
	lines := l.lines
	dropped, closed = l.dropped, l.closed
	l.lines, l.dropped = nil, 0
	l.mu.Unlock()
	_, _ = l.file.Write(lines) // there is nowhere to complain
	return dropped, closed
}

// Reopen goes on with the file that has the name now, or makes one. When that
// fails the log stays where it is.
func (l *logFile) Reopen() error {
	if l.path == "" {
		return nil
	}
	next, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("log.file: %w", err)
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if dropped, _ := l.flush(); dropped > 0 {
		defer l.lost(dropped)
	}
	if l.file != os.Stderr {
		_ = l.file.Close() // each line was written
	}
	l.file = next
	return nil
}

// Close writes what is left, if that can be done soon.
func (l *logFile) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake()
	select {
	case <-l.done:
	case <-time.After(lastLines):
	}
}

// RotateLog opens the log file again and tells its name, "" for stderr.
func (a *app) RotateLog() (file string, err error) {
	if a.logs == nil || a.logs.path == "" {
		return "", nil
	}
	if err := a.logs.Reopen(); err != nil {
		a.log.Error("the log was not rotated", "error", err)
		return a.logs.path, err
	}
	a.log.Info("the log file was opened again", "file", a.logs.path)
	return a.logs.path, nil
}
