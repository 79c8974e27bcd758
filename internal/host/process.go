package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ProcessDir reads /proc. Root without CAP_SYS_PTRACE (containers) may not look
// at another user's process there; the owner may.
func (l *local) ProcessDir(pid int) (string, error) {
	link := filepath.Join("/proc", strconv.Itoa(pid), "cwd")
	dir, err := os.Readlink(link)
	if errors.Is(err, unix.ESRCH) {
		return "", fs.ErrNotExist // it ended during the call
	}
	if !errors.Is(err, fs.ErrPermission) || !l.drop {
		return dir, err
	}
	return l.readlink(link)
}

// ServersIn looks at /proc. The name is compared first, so that a shell in the
// data directory is left alone and others' processes need not be looked into.
func (l *local) ServersIn(dir string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !serverName(pid) {
			continue
		}
		works, err := l.worksIn(pid, dir)
		if err != nil {
			return nil, err
		}
		if works {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// serverName: a backend changes its command line, but not this name.
func serverName(pid int) bool {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return err == nil && (string(name) == "postgres\n" || string(name) == "postmaster\n")
}

// worksIn is false for a process that is gone, or that neither pgherd nor the
// owner may look at: it is another user's, so of another server.
func (l *local) worksIn(pid int, dir string) (bool, error) {
	at, err := l.ProcessDir(pid)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return false, nil
	case err != nil:
		return false, err
	}
	return sameDir(l, at, dir), nil
}

// KillServer holds on to the process while it makes sure which one it is: a
// number may be given to another one at any time.
func (l *local) KillServer(pid int, dir string) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	if works, err := l.worksIn(pid, dir); err != nil || !works || !serverName(pid) {
		return err
	}
	err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// sameDir compares a kernel's name of a directory with a configured one.
func sameDir(m Machine, real, configured string) bool {
	if real == configured {
		return true
	}
	resolved, err := m.RealPath(configured)
	return err == nil && real == resolved
}
