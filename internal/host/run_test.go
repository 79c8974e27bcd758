package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// here is this machine as an ordinary user, with a directory of that user's.
func here(t *testing.T) (*local, string) {
	t.Helper()
	m, err := LocalUser("postgres")
	if err != nil {
		t.Fatal(err)
	}
	l := m.(*local)
	base, err := os.MkdirTemp("", "pgherd-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	dir := filepath.Join(base, "data")
	if err := errors.Join(os.Chmod(base, 0o755), l.MkdirAll(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	return l, dir
}

func shell(script string) Command { return Command{Path: "sh", Args: []string{"-c", script}} }

func TestRunAsTheOwner(t *testing.T) {
	l, dir := here(t)
	t.Setenv("PGDATA", "/elsewhere")
	m, err := Local(filepath.Join(dir, "missing", "too"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Run(t.Context(), shell(`id -u; echo "$HOME $USER [$PGDATA] $PWD"`))
	want := strconv.Itoa(int(l.owner.uid)) + "\n" + l.owner.home + " " + l.owner.name + " [] /\n"
	if err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}

func TestLocalRefusesRoot(t *testing.T) {
	if os.Getuid() != 0 {
		if m, err := Local("/"); err != nil || m.(*local).drop {
			t.Errorf("an ordinary user stays itself: %v", err)
		}
		return
	}
	if _, err := Local("/nowhere/n0"); err == nil || !strings.Contains(err.Error(), "chown") {
		t.Errorf("a directory of root's: %v", err)
	}
	if _, err := LocalUser("root"); err == nil {
		t.Error("LocalUser(root) was accepted")
	}
}

func TestRunFails(t *testing.T) {
	l, _ := here(t)
	_, err := l.Run(t.Context(), shell("echo first >&2; echo second >&2; exit 3"))
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 3 {
		t.Fatalf("got %v", err)
	}
	if want := "sh: exit status 3: first; second"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if _, err := l.Run(t.Context(), Command{Path: "/no/such/program"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
}

func TestRunBoundsOutput(t *testing.T) {
	l, _ := here(t)
	out, err := l.Run(t.Context(), shell("yes | head -c 100000000"))
	if !errors.Is(err, errTooMuch) || len(out) > maxOutput {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestRunHandsOnLines(t *testing.T) {
	l, _ := here(t)
	var got []string
	c := shell(`printf '1%%\r2%%\r\ndone\nrest' >&2; cat`)
	c.Stdin, c.Stderr = strings.NewReader("in"), func(line string) { got = append(got, line) }
	out, err := l.Run(t.Context(), c)
	if want := []string{"1%", "2%", "done", "rest"}; err != nil || string(out) != "in" || !reflect.DeepEqual(got, want) {
		t.Errorf("stdout %q, lines %q, %v", out, got, err)
	}
}

func TestCancelEndsTheGroup(t *testing.T) {
	for name, script := range map[string]string{
		"polite":   "sleep 100 & echo $! >&2; wait",
		"stubborn": "trap '' TERM; sleep 100 & echo $! >&2; wait; wait",
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := here(t)
			l.killAfter = 50 * time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			var child string
			c := shell(script)
			c.Stderr = func(line string) { child = line; cancel() }
			if _, err := l.Run(ctx, c); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			pid, err := strconv.Atoi(child)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.ProcessDir(pid); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the child %d is alive: %v", pid, err)
			}
		})
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("1/2 kB\r3/4 kB\n\n tail"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		var whole, parts []string
		a := &lines{emit: func(s string) { whole = append(whole, s) }}
		b := &lines{emit: func(s string) { parts = append(parts, s) }}
		cut = min(max(cut, 0), len(data))
		a.Write(data)
		b.Write(data[:cut])
		b.Write(data[cut:])
		a.flush()
		b.flush()
		if !reflect.DeepEqual(whole, parts) || len(a.tail) > tailLines {
			t.Errorf("%q at once, %q in two writes", whole, parts)
		}
	})
}
