package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
)

// TestLogRotate: what is logged after the file was moved away is in a new one, by
// command and by reload; without a file the command is refused.
func TestLogRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pgherd.log")
	logs, err := openLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{log: newLogger(config.Log{Level: config.LogInfo}, logs), logs: logs}
	a.log.Info("first")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	a.log.Info("second")
	if file, err := a.RotateLog(); file != path || err != nil {
		t.Errorf("RotateLog: %q, %v", file, err)
	}
	a.log.Info("third")
	logs.Close()
	for file, want := range map[string]string{path + ".1": "first second", path: "again third"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(want) {
			if n := strings.Count(string(text), word); n != 1 {
				t.Errorf("%q is %d times in %s:\n%s", word, n, file, text)
			}
		}
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.RotateLog(); err == nil || !strings.Contains(err.Error(), "log.file") {
		t.Errorf("without its directory: %v", err)
	}
	if file, err := (&app{}).RotateLog(); file != "" || err != nil {
		t.Errorf("stderr: %q, %v", file, err)
	}
}

// TestLogThatNobodyReads: who logs into a full pipe goes on, and is told what was lost
// when somebody reads.
func TestLogThatNobodyReads(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	logs, err := openLogFile("")
	if err != nil {
		t.Fatal(err)
	}
	logs.writing.Lock()
	logs.file = in
	logs.writing.Unlock()
	log := newLogger(config.Log{Level: config.LogInfo}, logs)
	var lost atomic.Int64
	logs.lost = func(n int) { lost.Add(int64(n)) }
	const lines = 100_000
	for range lines {
		log.Info("as long as a line of the log usually is, or somewhat longer")
	}
	read := make(chan int)
	go func() {
		n := 0
		for s := bufio.NewScanner(out); s.Scan(); n++ {
		}
		read <- n
	}()
	logs.Close()
	in.Close()
	if n := <-read; n == 0 || n+int(lost.Load()) != lines {
		t.Errorf("%d lines were read and %d lost, of %d", n, lost.Load(), lines)
	}
}
