package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// files are a Machine's operations on files and processes as small shell
// scripts, for a machine that is reached by commands alone. They are done as the
// user that logs in there.
type files struct {
	remote *Remote
}

const (
	quickly = 5 * time.Second  // an operation on one file, beside connecting
	slowly  = 10 * time.Minute // one on a whole directory; an end of the connection is noticed earlier
)

// do runs a script with arguments $1, $2 and so on; errors name the first.
func (f files) do(limit time.Duration, stdin []byte, script string, args ...string) ([]byte, error) {
	limit += f.remote.to.ConnectTimeout
	silent := fmt.Errorf("ssh %s: %w: no answer within %v", f.remote, ErrUnreachable, limit)
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, silent)
	defer cancel()
	c := Command{Path: "sh", Args: append([]string{"-c", script, "pgherd"}, args...), Env: []string{"LC_ALL=C"}}
	if stdin != nil {
		c.Stdin = bytes.NewReader(stdin)
	}
	out, err := f.remote.run(ctx, c, 0)
	return out, fileError(err, args[0])
}

func (f files) quick(script string, args ...string) ([]byte, error) {
	return f.do(quickly, nil, script, args...)
}

// fileError finds the reason in what the tool said, by the C library's words.
func fileError(err error, what string) error {
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code < 0 {
		return err
	}
	for words, reason := range map[string]error{
		"No such file or directory": fs.ErrNotExist, "No such process": fs.ErrNotExist, "File exists": fs.ErrExist,
		"Permission denied": fs.ErrPermission, "Operation not permitted": fs.ErrPermission,
	} {
		if strings.HasSuffix(exit.Stderr, words) {
			return fmt.Errorf("%s: %w", what, reason)
		}
	}
	exit.Program = what
	return exit
}

func (f files) ReadFile(path string) ([]byte, error) { return f.quick(`exec cat -- "$1"`, path) }

func (f files) Tail(path string, n int64) ([]byte, error) {
	return f.quick(`exec tail -c "$2" -- "$1"`, path, strconv.FormatInt(n, 10))
}

// WriteFile counts what has arrived: a connection may break at any byte.
func (f files) WriteFile(path string, data []byte, mode fs.FileMode) error {
	const script = `set -e
new=$(mktemp -- "$2/.pgherd.XXXXXXXXXX")
trap 'rm -f -- "$new"' EXIT
cat >"$new"
[ "$(stat -c %s -- "$new")" = "$4" ]
chmod -- "$3" "$new"
sync -- "$new"
mv -fT -- "$new" "$1"
trap - EXIT
sync -- "$2"`
	if data == nil {
		data = []byte{}
	}
	_, err := f.do(quickly, data, script, path, filepath.Dir(path), octal(mode), strconv.Itoa(len(data)))
	return err
}

func octal(mode fs.FileMode) string { return strconv.FormatUint(uint64(mode.Perm()), 8) }

func (f files) Rename(old, new string) error {
	_, err := f.quick(`mv -fT -- "$1" "$2" && sync -- "$3" "$4"`, old, new, filepath.Dir(old), filepath.Dir(new))
	return err
}

func (f files) RemoveAll(path string) error {
	_, err := f.do(slowly, nil, `exec rm -rf -- "$1"`, path)
	return err
}

func (f files) MkdirAll(path string, mode fs.FileMode) error {
	_, err := f.quick(`umask "$2" && exec mkdir -p -- "$1"`, path, octal(^mode))
	return err
}

func (f files) Exists(path string) (bool, error) {
	_, err := f.quick(`exec stat -- "$1" >/dev/null`, path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (f files) ReadDir(path string) ([]fs.DirEntry, error) {
	out, err := f.quick(`exec find "$1/" -mindepth 1 -maxdepth 1 -printf '%y%s/%f\0'`, path)
	if err != nil {
		return nil, err
	}
	var entries []fs.DirEntry
	for item := range strings.SplitSeq(string(out), "\x00") {
		if head, name, ok := strings.Cut(item, "/"); ok {
			size, err := strconv.ParseInt(head[1:], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			entries = append(entries, entry{name, head[0], size})
		}
	}
	return entries, nil
}

// entry is a name, find's letter for what it is, and a size. It is its own FileInfo,
// which has no permissions and no time.
type entry struct {
	name   string
	letter byte
	size   int64
}

func (e entry) Name() string               { return e.name }
func (e entry) IsDir() bool                { return e.letter == 'd' }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }
func (e entry) Size() int64                { return e.size }
func (e entry) Mode() fs.FileMode          { return e.Type() }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) Sys() any                   { return nil }

func (e entry) Type() fs.FileMode {
	return map[byte]fs.FileMode{'f': 0, 'd': fs.ModeDir, 'l': fs.ModeSymlink, 'p': fs.ModeNamedPipe, 's': fs.ModeSocket,
		'c': fs.ModeDevice | fs.ModeCharDevice, 'b': fs.ModeDevice}[e.letter]
}

func (f files) Free(path string) (uint64, error) {
	const script = `at=$1
while [ ! -e "$at" ] && [ "$at" != / ]; do at=$(dirname -- "$at"); done
exec stat -f -c '%a %S' -- "$at"`
	out, err := f.quick(script, path)
	if err != nil {
		return 0, err
	}
	var blocks, size uint64
	if _, err := fmt.Sscan(string(out), &blocks, &size); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	return blocks * size, nil
}

func (f files) DirSize(path string) (uint64, error) {
	const script = `ls -d -- "$1" >/dev/null && { find -L "$1/" -type f -printf '%s\n' 2>/dev/null | awk '{ n += $1 } END { printf "%.0f", n }'; }`
	out, err := f.do(slowly, nil, script, path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(out), 10, 64)
}

func (f files) RealPath(path string) (string, error) {
	out, err := f.quick(`readlink -zev -- "$1"`, path)
	return strings.TrimSuffix(string(out), "\x00"), err
}

func (f files) ProcessDir(pid int) (string, error) {
	out, err := f.quick(`exec readlink -nv -- "/proc/$1/cwd"`, strconv.Itoa(pid))
	return string(out), err
}

// works tests whether process $pid is a server in directory $1. The kernel
// compares the directories, whatever they are called.
const works = `works() {
	read -r name <"/proc/$pid/comm" && case $name in postgres|postmaster) [ "/proc/$pid/cwd" -ef "$1" ] ;; *) false ;; esac
} 2>/dev/null
`

func (f files) ServersIn(dir string) ([]int, error) {
	const script = works + `for path in /proc/[0-9]*; do pid=${path#/proc/}; if works "$1"; then echo "$pid"; fi; done`
	out, err := f.quick(script, dir)
	if err != nil {
		return nil, err
	}
	var pids []int
	for word := range strings.FieldsSeq(string(out)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("servers in %s: %w", dir, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// KillServer has no pidfd: between the look and the signal the number might
// change hands, if all numbers were used within a millisecond.
func (f files) KillServer(pid int, dir string) error {
	_, err := f.quick(works+`pid=$2; if works "$1" && ! kill -KILL "$pid" && works "$1"; then exit 1; fi`, dir, strconv.Itoa(pid))
	return err
}
