package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// StopMode is how pg_ctl stops a server.
type StopMode int

const (
	Fast      StopMode = iota // disconnect clients, write a shutdown checkpoint
	Immediate                 // abort, SIGKILL if need be; the next start recovers from the log
)

func (m StopMode) String() string { return [...]string{"fast", "immediate"}[m] }

// patience is pg_ctl's -t when ctx has no deadline.
const patience = 10 * time.Minute

// Instance is one PostgreSQL data directory and the programs that work on it.
// Its methods must not be called concurrently, except Running, Control and
// LogTail.
type Instance struct {
	machine Machine
	node    cluster.Node
	bin     string
}

// Open names an instance; nothing is touched. bin is the directory of the
// PostgreSQL programs, as FindBinaries finds it.
func Open(m Machine, node cluster.Node, bin string) *Instance {
	node.DataDirectory = filepath.Clean(node.DataDirectory)
	return &Instance{machine: m, node: node, bin: bin}
}

func (i *Instance) Node() cluster.Node { return i.node }
func (i *Instance) Machine() Machine   { return i.machine }

func (i *Instance) DataDirectory() string { return i.node.DataDirectory }

// LogFile is where the server writes its log when Start started it: <data
// directory>.log, beside the directory, so that it survives Swap.
func (i *Instance) LogFile() string { return i.node.DataDirectory + ".log" }

func (i *Instance) file(name string) string { return filepath.Join(i.node.DataDirectory, name) }

// fail says on which node what failed.
func (i *Instance) fail(what string, err error) error {
	return fmt.Errorf("node %d: %s: %w", i.node.ID, what, err)
}

// run runs one of the instance's programs with untranslated messages.
func (i *Instance) run(ctx context.Context, c Command) ([]byte, error) {
	c.Path = filepath.Join(i.bin, c.Path)
	c.Env = append([]string{"LC_ALL=C"}, c.Env...)
	return i.machine.Run(ctx, c)
}

// Start starts the server and waits until it accepts connections (a standby:
// until it is consistent), at most until ctx ends. nil when it runs already.
// The error holds the end of the server log.
func (i *Instance) Start(ctx context.Context) error {
	if running, err := i.Running(); err != nil || running {
		return err
	}
	if err := errors.Join(i.dropStalePid(), i.prepareLog()); err != nil {
		return i.fail("start", err)
	}
	args := append(i.pgCtl(ctx, "start"), "-s", "-l", i.LogFile())
	if file := i.configFile(); file != "" {
		args = append(args, "-o", "-c config_file="+quoteWord(file)) // pg_ctl gives it to a shell
	}
	if _, err := i.run(ctx, Command{Path: "pg_ctl", Args: args}); err != nil {
		return i.fail("start", fmt.Errorf("%w\nthe end of %s:\n%s", err, i.LogFile(), i.LogTail(20)))
	}
	return nil
}

// pgCtl are the arguments common to start and stop: wait, but not longer than
// ctx lasts.
func (i *Instance) pgCtl(ctx context.Context, action string) []string {
	wait := patience
	if deadline, ok := ctx.Deadline(); ok {
		wait = max(time.Until(deadline), time.Second)
	}
	return []string{action, "-D", i.node.DataDirectory, "-w", "-t", strconv.Itoa(int(wait.Seconds()) + 1)}
}

// dropStalePid removes postmaster.pid of a killed server that nobody has waited
// for: the server takes the zombie for a rival. (In a container whose first
// process does not reap, it stays for ever.) Orphaned backends are still
// noticed, by their shared memory.
func (i *Instance) dropStalePid() error {
	pid, err := i.postmaster()
	if err != nil || pid == 0 {
		return err
	}
	listed, err := i.machine.Exists(filepath.Join("/proc", strconv.Itoa(pid)))
	if err != nil || !listed {
		return err
	}
	if _, err := i.machine.ProcessDir(pid); errors.Is(err, fs.ErrNotExist) {
		return i.machine.RemoveAll(i.file("postmaster.pid"))
	}
	return nil
}

// prepareLog makes the log file here, because the owner may not be allowed to
// make files in the parent directory.
func (i *Instance) prepareLog() error {
	exists, err := i.machine.Exists(i.LogFile())
	if err != nil || exists {
		return err
	}
	return i.machine.WriteFile(i.LogFile(), nil, 0o600)
}

var configOption = regexp.MustCompile(`"config_file=([^"]+)"`)

// configFile is where postgresql.conf was at the last start, when it is not in
// the data directory.
func (i *Instance) configFile() string {
	if here, err := i.machine.Exists(i.file("postgresql.conf")); err != nil || here {
		return ""
	}
	opts, err := i.machine.ReadFile(i.file("postmaster.opts"))
	found := configOption.FindSubmatch(opts)
	if err != nil || found == nil {
		return "" // let pg_ctl say what is missing
	}
	return string(found[1])
}

// Running reports whether postmaster.pid names a live process whose working
// directory is this data directory. (A number that another process got since
// does not count, nor does a server whose directory was moved away.)
func (i *Instance) Running() (bool, error) {
	pid, err := i.postmaster()
	if err != nil || pid == 0 {
		return false, err
	}
	dir, err := i.machine.ProcessDir(pid)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil // gone, and its number perhaps another user's since
	}
	if err != nil {
		return false, i.fail("looking for the server", err)
	}
	return sameDir(i.machine, dir, i.node.DataDirectory), nil
}

// postmaster is the process number in postmaster.pid; 0 when there is none.
func (i *Instance) postmaster() (int, error) {
	data, err := i.machine.ReadFile(i.file("postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, i.fail("looking for the server", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(line)))
	if err != nil || pid == 0 {
		return 0, nil // being written: not running yet
	}
	return max(pid, -pid), nil // negative in single-user mode
}

// The server logs the values of parameters that change, primary_conninfo too.
var secret = regexp.MustCompile(`(?i)(password\s*=\s*)('+(?:\\.|[^'\\])*'*|[^\s'"]+)`)

func redact(text string) string { return secret.ReplaceAllString(text, "${1}***") }

// LogTail is the last n lines of the server log without passwords, "" when
// there is none.
func (i *Instance) LogTail(n int) string {
	data, err := i.machine.Tail(i.LogFile(), 64<<10)
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return redact(strings.Join(all[max(0, len(all)-n):], "\n"))
}
