package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// local is this machine. Files are touched with pgherd's own rights and then
// given to the owner; commands run with the owner's.
type local struct {
	owner     owner
	drop      bool          // we are root: take the owner's credentials for commands
	killAfter time.Duration // from SIGTERM to SIGKILL
}

// Local is this machine, seen as the owner of dataDirectory (of its nearest
// existing parent when it is missing) when pgherd runs as root, and as pgherd's
// own user otherwise.
func Local(dataDirectory string) (Machine, error) {
	if os.Getuid() != 0 {
		return ownUser()
	}
	o, err := ownerOf(dataDirectory)
	if err != nil {
		return nil, err
	}
	if o.uid == 0 {
		return nil, fmt.Errorf("data_directory %s: it belongs to root, and PostgreSQL refuses to run as root: "+
			"make the directory and chown it to the user that PostgreSQL shall run as", dataDirectory)
	}
	return &local{owner: o, drop: true, killAfter: killAfter}, nil
}

// LocalUser is this machine, seen as the named user when pgherd runs as root,
// and as pgherd's own user otherwise.
func LocalUser(name string) (Machine, error) {
	if os.Getuid() != 0 {
		return ownUser()
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root: %w", err)
	}
	if u.Uid == "0" {
		return nil, errors.New("PostgreSQL refuses to run as root: name another user")
	}
	o, err := newOwner(u)
	return &local{owner: o, drop: true, killAfter: killAfter}, err
}

func ownUser() (Machine, error) {
	o, err := lookupOwner(uint32(os.Getuid()))
	return &local{owner: o, killAfter: killAfter}, err
}

func (l *local) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }
func (l *local) RemoveAll(path string) error          { return os.RemoveAll(path) }

func (l *local) RealPath(path string) (string, error) { return filepath.EvalSymlinks(path) }

func (l *local) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

func (l *local) Tail(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n = min(n, info.Size())
	data := make([]byte, n)
	read, err := f.ReadAt(data, info.Size()-n)
	if errors.Is(err, io.EOF) {
		err = nil // truncated meanwhile
	}
	return data[:read], err
}

func (l *local) Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Rename is durable when it returns.
func (l *local) Rename(old, new string) error {
	if err := os.Rename(old, new); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(old)), syncDir(filepath.Dir(new)))
}

func (l *local) WriteFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, l.give(f, mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// give works on the open file: a name could be replaced by a link meanwhile.
func (l *local) give(f *os.File, mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil || !l.drop {
		return err
	}
	return f.Chown(int(l.owner.uid), int(l.owner.gid))
}

func (l *local) MkdirAll(path string, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := l.MkdirAll(parent, mode); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	d, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return errors.Join(l.give(d, mode), d.Close())
}

func (l *local) Free(path string) (uint64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(path, &s)
	for errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		err = unix.Statfs(path, &s)
	}
	if err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return s.Bavail * uint64(s.Bsize), nil
}

func (l *local) DirSize(path string) (uint64, error) {
	var total uint64
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name != path {
			return nil // a running server removes files
		}
		if err != nil {
			return err
		}
		n, err := l.entrySize(name, d)
		total += n
		return err
	})
	return total, err
}

// entrySize follows the links that PostgreSQL makes: tablespaces, and pg_wal.
func (l *local) entrySize(name string, d fs.DirEntry) (uint64, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		target, err := filepath.EvalSymlinks(name)
		if err != nil {
			return 0, nil // a dangling link takes no space
		}
		return l.DirSize(target)
	}
	info, err := d.Info()
	if err != nil || !info.Mode().IsRegular() {
		return 0, nil
	}
	return uint64(info.Size()), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) {
		err = nil // file systems that cannot sync a directory
	}
	return errors.Join(err, d.Close())
}
