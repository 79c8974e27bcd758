package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first, err := LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = LockDir(dir)
	if want := fmt.Sprintf("process %d, works with it", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a second lock: %v, want %q", err, want)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := LockDir(dir)
	if err != nil {
		t.Fatalf("given back, and not to be had: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := LockDir(filepath.Join(dir, "pgherd.lock")); err == nil {
		t.Error("a file was locked as a directory")
	}
}
