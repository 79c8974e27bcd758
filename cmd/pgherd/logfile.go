package main

import (
	"fmt"
	"os"
	"sync"
)

// logFile is where the log goes: stderr, or a file that can be opened again under
// its name when somebody has moved it away.
type logFile struct {
	path string // "" for stderr

	mu   sync.Mutex // guards file
	file *os.File
}

func openLogFile(path string) (*logFile, error) {
	l := &logFile{path: path, file: os.Stderr}
	return l, l.Reopen()
}

func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(line)
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != os.Stderr {
		_ = l.file.Close() // each line was written at once
	}
	l.file = next
	return nil
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
