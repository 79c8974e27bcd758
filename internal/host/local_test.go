package host

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	l, dir := here(t)
	path := filepath.Join(dir, "f")
	for _, text := range []string{"one", "two, longer"} {
		if err := l.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := l.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("read back %q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 || info.Sys().(*syscall.Stat_t).Uid != l.owner.uid {
		t.Errorf("mode and owner: %+v, %v", info.Sys(), err)
	}
	if entries, err := l.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestWriteFileFailsWhole(t *testing.T) {
	l, dir := here(t)
	path := filepath.Join(dir, "taken")
	if err := l.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteFile(path, []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if entries, err := l.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestMkdirAllGivesToTheOwner(t *testing.T) {
	l, dir := here(t)
	path := filepath.Join(dir, "a", "b")
	if err := errors.Join(l.MkdirAll(path, 0o700), l.MkdirAll(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != l.owner.uid || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", p, info, err)
		}
	}
}

func TestSizes(t *testing.T) {
	l, dir := here(t)
	inside, outside := filepath.Join(dir, "data"), filepath.Join(dir, "tablespace")
	err := errors.Join(
		l.MkdirAll(inside, 0o700), l.MkdirAll(outside, 0o700),
		l.WriteFile(filepath.Join(inside, "a"), make([]byte, 1000), 0o600),
		l.WriteFile(filepath.Join(outside, "b"), make([]byte, 234), 0o600),
		os.Symlink(outside, filepath.Join(inside, "link")),
		os.Symlink("nowhere", filepath.Join(inside, "dangling")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := l.DirSize(inside); n != 1234 || err != nil {
		t.Errorf("DirSize = %d, %v", n, err)
	}
	if _, err := l.DirSize(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("DirSize of nothing: %v", err)
	}
	if n, err := l.Free(filepath.Join(dir, "missing", "too")); n == 0 || err != nil {
		t.Errorf("Free = %d, %v", n, err)
	}
}

func TestTail(t *testing.T) {
	l, dir := here(t)
	path := filepath.Join(dir, "f")
	if err := l.WriteFile(path, bytes.Repeat([]byte("0123456789"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Tail(path, 4); string(got) != "6789" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := l.Tail(path, 1<<20); len(got) != 1000 || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestProcessDir(t *testing.T) {
	l, _ := here(t)
	want, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.ProcessDir(os.Getpid()); got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := l.ProcessDir(1 << 30); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such process: %v", err)
	}
}
