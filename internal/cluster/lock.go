package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Lock keeps a second pgherd from the same directory: two engines over one
// cluster would promote against each other. It ends with Close, or with the
// process, however that ends.
type Lock struct{ file *os.File }

// LockDir makes dir when it is missing (mode 0700) and takes its lock.
func LockDir(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state_dir: %w", err)
	}
	path := filepath.Join(dir, "pgherd.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state_dir: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, errors.Join(inUse(dir, path), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("state_dir: lock %s: %w", path, err), f.Close())
	}
	sign(f)
	return &Lock{f}, nil
}

// inUse names the process that has the lock, as far as it has signed.
func inUse(dir, path string) error {
	by := "another pgherd"
	if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
		by += ", process " + strings.TrimSpace(string(text)) + ","
	}
	return fmt.Errorf("state_dir %s: %s works with it; stop that one first: a cluster has one pgherd", dir, by)
}

// sign writes who has the lock. It is for people only: on a full disk it is left.
func sign(f *os.File) {
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

// Close gives the lock back. The file stays: removing it could remove
// another process's.
func (l *Lock) Close() error { return l.file.Close() }
