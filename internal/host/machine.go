package host

import (
	"context"
	"io"
	"io/fs"
)

// Machine runs commands and touches files where a node lives, as the owner of
// its data directory: Local and Over make one. Paths are absolute.
type Machine interface {
	// Run returns what the command wrote to stdout, at most 1 MiB. An error is
	// an *ExitError when the command ran and failed.
	Run(ctx context.Context, c Command) ([]byte, error)

	// ReadFile reads a whole file, on another machine of at most 1 MiB.
	ReadFile(path string) ([]byte, error)
	// Tail is the last bytes of a file, at most n.
	Tail(path string, n int64) ([]byte, error)
	// WriteFile replaces path, whole or not at all, also across a crash.
	WriteFile(path string, data []byte, mode fs.FileMode) error
	Rename(old, new string) error
	RemoveAll(path string) error
	// MkdirAll makes what is missing of path, owned by the owner.
	MkdirAll(path string, mode fs.FileMode) error
	Exists(path string) (bool, error)
	// ReadDir's entries know their types and sizes.
	ReadDir(path string) ([]fs.DirEntry, error)
	// Free is the space left in bytes on the file system that holds path, or
	// that would hold it.
	Free(path string) (uint64, error)
	// DirSize is the sum of the sizes of the files under path in bytes,
	// following the links of pg_tblspc and pg_wal.
	DirSize(path string) (uint64, error)
	// RealPath is path without symbolic links.
	RealPath(path string) (string, error)
	// ProcessDir is the working directory of a live process; fs.ErrNotExist
	// when there is no such process.
	ProcessDir(pid int) (string, error)
	// ServersIn are the live processes of PostgreSQL servers whose working
	// directory is dir.
	ServersIn(dir string) ([]int, error)
	// KillServer sends SIGKILL to a process, if it is one of ServersIn(dir).
	KillServer(pid int, dir string) error
}

// Command is one program to run. Its environment is a clean one (PATH, HOME,
// USER, LANG, TZ) and Env on top of it.
type Command struct {
	Path   string // absolute, or a name looked up in PATH
	Args   []string
	Env    []string // NAME=value
	Dir    string   // working directory; "/" when empty
	Stdin  io.Reader
	Stderr func(line string) // each line as it arrives, ended by \n or \r; may be nil
}
