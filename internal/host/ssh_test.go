package host_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// Another machine behaves as this one does.
func TestMachines(t *testing.T) {
	pgtest.Leaks(t)
	server := pgtest.SSHD(t)
	here, err := host.Local(server.Dir)
	must(t, err)
	for name, m := range map[string]host.Machine{"local": here, "ssh": server.Machine()} {
		dir := filepath.Join(server.Dir, name+` a'b "c" $(touch escaped) ; \ *`)
		t.Run(name, func(t *testing.T) { machine{t, m, dir}.test() })
		t.Run(name+" runs", func(t *testing.T) { machine{t, m, dir}.testRun() })
		t.Run(name+" keeps secrets", func(t *testing.T) { machine{t, m, dir}.testSecret() })
		t.Run(name+" cancelled", func(t *testing.T) { machine{t, m, dir}.testCancel() })
		t.Run(name+" cancelled before", func(t *testing.T) { machine{t, m, filepath.Join(server.Dir, name)}.testCancelBefore() })
	}
	entries, err := here.ReadDir(server.Dir)
	must(t, err)
	if at := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "escaped" }); at >= 0 {
		t.Error("a name was carried out as a command")
	}
}

type machine struct {
	*testing.T
	host.Machine
	dir string // missing
}

func (m machine) file(name string) string { return filepath.Join(m.dir, name) }

func (m machine) must(err error) { m.Helper(); must(m.T, err) }

func (m machine) test() {
	m.must(m.MkdirAll(m.file("sub"), 0o700))
	m.must(m.MkdirAll(m.file("sub"), 0o700))
	data := append(bytes.Repeat([]byte("0123456789\n\x00'$"), 20_000), 255)
	m.must(m.WriteFile(m.file("f"), data, 0o640))
	m.must(m.WriteFile(m.file("empty"), nil, 0o600))
	got, err := m.ReadFile(m.file("f"))
	if err != nil || !bytes.Equal(got, data) {
		m.Errorf("read back %d bytes of %d, %v", len(got), len(data), err)
	}
	if tail, err := m.Tail(m.file("f"), 3); err != nil || string(tail) != "'$\xff" {
		m.Errorf("Tail: %q, %v", tail, err)
	}
	info, err := os.Stat(m.file("f"))
	if err != nil || info.Mode().Perm() != 0o640 {
		m.Errorf("mode %v, %v", info.Mode(), err)
	}
	m.must(m.Rename(m.file("f"), m.file("g")))
	m.must(os.Symlink(m.dir, m.file("link")))
	m.testNames()
	m.testMissing()
	if n, err := m.DirSize(m.file("sub")); n != 0 || err != nil {
		m.Errorf("DirSize of nothing: %d, %v", n, err)
	}
	if n, err := m.Free(m.file("no/such")); n < 1<<20 || err != nil {
		m.Errorf("Free: %d, %v", n, err)
	}
	if path, err := m.RealPath(m.file("link/sub")); path != m.file("sub") || err != nil {
		m.Errorf("RealPath: %q, %v", path, err)
	}
	m.must(m.RemoveAll(m.file("link")))
	if n, err := m.DirSize(m.dir); n != uint64(len(data)) || err != nil {
		m.Errorf("DirSize: %d, %v", n, err)
	}
	m.must(m.RemoveAll(m.dir))
	m.must(m.RemoveAll(m.dir))
	if there, err := m.Exists(m.dir); there || err != nil {
		m.Errorf("it is still there: %v, %v", there, err)
	}
}

func (m machine) testNames() {
	entries, err := m.ReadDir(m.dir)
	m.must(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Type().String()[:1]+e.Name())
		if info, err := e.Info(); err != nil || (info.Size() > 0) != (e.Name() != "empty") && info.Mode().IsRegular() {
			m.Errorf("%s: %+v, %v", e.Name(), info, err)
		}
	}
	slices.Sort(names)
	if want := []string{"-empty", "-g", "Llink", "dsub"}; !slices.Equal(names, want) {
		m.Errorf("ReadDir: %q, want %q", names, want)
	}
}

// testMissing: callers tell what is missing from what fails.
func (m machine) testMissing() {
	for what, f := range map[string]func() error{
		"ReadFile":   func() error { _, err := m.ReadFile(m.file("no")); return err },
		"ReadDir":    func() error { _, err := m.ReadDir(m.file("no")); return err },
		"Tail":       func() error { _, err := m.Tail(m.file("no"), 1); return err },
		"DirSize":    func() error { _, err := m.DirSize(m.file("no")); return err },
		"Rename":     func() error { return m.Rename(m.file("no"), m.file("no2")) },
		"WriteFile":  func() error { return m.WriteFile(m.file("no/f"), []byte("x"), 0o600) },
		"RealPath":   func() error { _, err := m.RealPath(m.file("no")); return err },
		"ProcessDir": func() error { _, err := m.ProcessDir(1 << 30); return err },
		"Run":        func() error { _, err := m.Machine.Run(m.Context(), host.Command{Path: "/no/such/program"}); return err },
	} {
		if err := f(); !errors.Is(err, fs.ErrNotExist) {
			m.Errorf("%s of what is missing: %v", what, err)
		}
	}
	if err := m.WriteFile(m.file("sub"), []byte("x"), 0o600); err == nil {
		m.Error("a directory was replaced by a file")
	}
}

func (m machine) testRun() {
	var lines []string
	c := host.Command{Path: "sh", Args: []string{"-c", `printf '%s|' "$X" "$PGDATA" "$PWD" "$@"; printf 'a\rb\n' >&2; exit 7`, "sh", `it's`, "$(id)", ""},
		Env: []string{`X= "y" 'z' $(id)`}, Stderr: func(line string) { lines = append(lines, line) }}
	m.Setenv("PGDATA", "/elsewhere")
	out, err := m.Machine.Run(m.Context(), c)
	if want := ` "y" 'z' $(id)||/|it's|$(id)||`; string(out) != want {
		m.Errorf("got %q, want %q", out, want)
	}
	var exit *host.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || exit.Program != "sh" || !slices.Equal(lines, []string{"a", "b"}) {
		m.Errorf("%v, stderr %q", err, lines)
	}
	out, err = m.Machine.Run(m.Context(), host.Command{Path: "cat", Stdin: strings.NewReader("A=in\n\nrun\n")})
	if string(out) != "A=in\n\nrun\n" || err != nil {
		m.Errorf("stdin came through as %q, %v", out, err)
	}
	out, err = m.Machine.Run(m.Context(), host.Command{Path: "cat"})
	if len(out) > 0 || err != nil {
		m.Errorf("without stdin: %q, %v", out, err)
	}
}

// testSecret: the environment has passwords, and lists of processes are public.
func (m machine) testSecret() {
	out, err := m.Machine.Run(m.Context(), host.Command{Path: "sh", Env: []string{"PGPASSWORD=s3" + "cret"},
		Args: []string{"-c", `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '; echo "$PGPASSWORD"`}})
	list, known := strings.CutSuffix(string(out), "s3cret\n")
	if err != nil || !known || strings.Contains(list, "s3cret") {
		m.Errorf("known to the command: %v; shown to everybody: %v; %v", known, strings.Contains(list, "s3cret"), err)
	}
}

// testCancelBefore: the connection may take longer than the command has time for.
func (m machine) testCancelBefore() {
	ctx, cancel := context.WithCancel(m.Context())
	cancel()
	for range 5 {
		_, err := m.Machine.Run(ctx, host.Command{Path: "sh", Args: []string{"-c", `sleep 3 && touch "$1"`, "sh", m.dir}})
		if !errors.Is(err, context.Canceled) {
			m.Errorf("got %v", err)
		}
		if there, err := m.Exists(m.dir); there || err != nil {
			m.Fatalf("the command ran to its end: %v, %v", there, err)
		}
	}
}

// testCancel: when Run returns, nothing of the command is left.
func (m machine) testCancel() {
	ctx, cancel := context.WithCancel(m.Context())
	child := ""
	_, err := m.Machine.Run(ctx, host.Command{Path: "sh", Args: []string{"-c", "sleep 100 & echo $! >&2; wait"},
		Stderr: func(line string) { child = cmp.Or(child, line); cancel() }})
	if !errors.Is(err, context.Canceled) {
		m.Errorf("got %v", err)
	}
	if pid, err := strconv.Atoi(child); err != nil || m.lives(pid) {
		m.Errorf("the child %q is alive, %v", child, err)
	}
}

func (m machine) lives(pid int) bool {
	_, err := m.ProcessDir(pid)
	return !errors.Is(err, fs.ErrNotExist)
}

// A connection that breaks takes the command with it.
func TestBrokenConnectionEndsTheCommand(t *testing.T) {
	server := pgtest.SSHD(t)
	m := server.Machine()
	pids := make(chan int, 1)
	done := make(chan error, 1)
	go func() {
		_, err := m.Run(t.Context(), host.Command{Path: "sh", Args: []string{"-c", "echo $$ >&2; exec sleep 100"}, Stderr: func(line string) {
			if pid, err := strconv.Atoi(line); err == nil {
				pids <- pid
			}
		}})
		done <- err
	}()
	pid := <-pids
	m.Close()
	if err := <-done; !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	pgtest.Await(t, 10*time.Second, "the command to end", func() bool { return !machine{t, m, ""}.lives(pid) })
}

func TestSSHErrors(t *testing.T) {
	server := pgtest.SSHD(t)
	for name, c := range map[string]struct {
		change func(*host.SSH)
		want   string
	}{
		"nobody listens": {func(s *host.SSH) { s.Port = pgtest.FreePort(t) }, "cannot be reached by ssh"},
		"another key":    {func(*host.SSH) { server.TrustAnother() }, "shows another host key than " + server.KnownHostsFile + " has"},
		"unknown":        {func(s *host.SSH) { s.KnownHostsFile = "/dev/null" }, "its host key is not known"},
		"not let in": {func(s *host.SSH) { s.IdentityFile, s.Options = "/dev/null", []string{"StrictHostKeyChecking=no"} },
			"add the public key of /dev/null to ~/.ssh/authorized_keys of user " + server.User},
	} {
		to := server.SSH
		to.Socket = ""
		c.change(&to)
		m, err := host.Over(to)
		must(t, err)
		_, err = m.Exists("/")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "@127.0.0.1:") {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if errors.Is(err, host.ErrUnreachable) != (name == "nobody listens") {
			t.Errorf("%s: whether it is unreachable is told wrongly: %v", name, err)
		}
	}
}

// A machine that takes connections and says nothing holds nobody up.
func TestSSHHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	m, err := host.Over(host.SSH{User: "u", Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, ConnectTimeout: time.Second})
	must(t, err)
	began := time.Now()
	if _, err := m.Exists("/"); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	i := host.Open(m, cluster.Node{ID: 3, DataDirectory: "/d"}, "/bin")
	err = i.Stop(t.Context(), host.Immediate)
	if !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "node 3: ") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A machine that hangs behind a connection that is kept holds nobody up either.
func TestSSHHangsLater(t *testing.T) {
	server := pgtest.SSHD(t)
	server.ConnectTimeout = 2 * time.Second // a slow machine has it to log in again
	m := server.Machine()
	out, err := m.Run(t.Context(), host.Command{Path: "sh", Args: []string{"-c", "ps -o ppid= -p $PPID"}})
	must(t, err)
	connected, err := strconv.Atoi(strings.TrimSpace(string(out)))
	must(t, err)
	listener := server.Pid()
	for _, pid := range []int{connected, listener} {
		must(t, syscall.Kill(pid, syscall.SIGSTOP))
		defer syscall.Kill(pid, syscall.SIGCONT)
	}
	began := time.Now()
	if _, err := m.ReadFile("/etc/hostname"); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	must(t, syscall.Kill(listener, syscall.SIGCONT))
	if there, err := m.Exists("/etc/hostname"); !there || err != nil {
		t.Errorf("over a new connection: %v, %v", there, err)
	}
}
