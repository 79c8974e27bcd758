package main

import (
	"os"
	"path/filepath"
	"strings"
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
	a := &app{log: newLogger(config.LogInfo, false, logs), logs: logs}
	a.log.Info("first")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	a.log.Info("second")
	if file, err := a.RotateLog(); file != path || err != nil {
		t.Errorf("RotateLog: %q, %v", file, err)
	}
	a.log.Info("third")
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
	if n, err := logs.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("the log is lost: %v", err)
	}
	if file, err := (&app{}).RotateLog(); file != "" || err != nil {
		t.Errorf("stderr: %q, %v", file, err)
	}
}
