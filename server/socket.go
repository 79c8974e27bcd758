package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// socketFile is a Unix-domain socket in the file system, with the lock file that
// PostgreSQL keeps beside its own: whoever wants the same socket sees that we run.
type socketFile struct{ path string }

func (f socketFile) lock() string { return f.path + ".lock" }

// listenUnix binds directory/.s.PGSQL.port.
func listenUnix(directory, port string, mode fs.FileMode) (net.Listener, socketFile, error) {
	f := socketFile{filepath.Join(directory, ".s.PGSQL."+port)}
	if err := f.claim(port); err != nil {
		return nil, f, err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: f.path, Net: "unix"})
	if err == nil {
		ln.SetUnlinkOnClose(false) // it is closed when its descriptor has been taken out
		err = os.Chmod(f.path, mode)
	}
	if err != nil {
		f.remove()
		return nil, f, fmt.Errorf("listen on %s: %w", f.path, err)
	}
	return ln, f, nil
}

// claim writes the lock file. What somebody has left behind who no longer runs
// is removed.
func (f socketFile) claim(port string) error {
	for range 2 {
		err := f.writeLock(port)
		if !errors.Is(err, fs.ErrExist) {
			return f.cleared(err)
		}
		if pid := f.owner(); alive(pid) {
			return fmt.Errorf("listen on %s: process %d holds %s (is another pgherd or PostgreSQL there? choose another port or directory in listen)", f.path, pid, f.lock())
		}
		if err := os.Remove(f.lock()); err != nil {
			return fmt.Errorf("listen on %s: remove a stale lock file: %w", f.path, err)
		}
	}
	return fmt.Errorf("listen on %s: somebody else is about to use it", f.path)
}

// cleared goes on after writeLock: a socket without an owner is removed, unless
// somebody answers there.
func (f socketFile) cleared(err error) error {
	if err != nil {
		return fmt.Errorf("listen on %s: write the lock file: %w", f.path, err)
	}
	info, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	switch {
	case err != nil:
	case info.Mode().Type() != fs.ModeSocket:
		err = errors.New("there is something that is no socket")
	case f.answers():
		err = errors.New("somebody answers there (is another pgherd or PostgreSQL running? choose another port or directory in listen)")
	default:
		err = os.Remove(f.path)
	}
	if err != nil {
		_ = os.Remove(f.lock()) // the first error matters
		return fmt.Errorf("listen on %s: %w", f.path, err)
	}
	return nil
}

// writeLock makes the file with PostgreSQL's lines: process, data directory (we
// have none: the working directory), start, port, socket directory.
func (f socketFile) writeLock(port string) error {
	file, err := os.OpenFile(f.lock(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	where, _ := os.Getwd() // for people only
	_, err = fmt.Fprintf(file, "%d\n%s\n%d\n%s\n%s\n", os.Getpid(), where, time.Now().Unix(), port, filepath.Dir(f.path))
	return errors.Join(err, file.Close())
}

// owner is the process in the lock file; 0 when it can't be read.
func (f socketFile) owner() int {
	data, _ := os.ReadFile(f.lock())
	first, _, _ := strings.Cut(string(data), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(first))
	return pid
}

// alive reports whether a process exists that is not this one or its parent,
// whose numbers come again when a container is started again.
func alive(pid int) bool {
	if pid <= 0 || pid == os.Getpid() || pid == os.Getppid() {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func (f socketFile) answers() bool {
	conn, err := net.DialTimeout("unix", f.path, time.Second)
	if err != nil {
		return !errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = conn.Close()
	return true
}

// remove takes away what listenUnix has made.
func (f socketFile) remove() {
	_ = os.Remove(f.path) // nobody is left to tell
	_ = os.Remove(f.lock())
}
