package failover

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

func TestShell(t *testing.T) {
	for _, c := range []struct{ command, output, err string }{
		{"echo a; echo b >&2", "a\nb", ""},
		{"printf x; exit 7", "x", "exit status 7"},
		{"head -c 10000 /dev/zero | tr '\\0' y", strings.Repeat("y", hookOutput), ""},
	} {
		output, err := shell(t.Context(), c.command, time.Minute)
		if output != c.output || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %q, %v", c.command, output, err)
		}
	}
}

// A command that takes too long is ended with its children.
func TestShellTimeout(t *testing.T) {
	began := time.Now()
	output, err := shell(t.Context(), "sleep 600 & echo $!; wait", 200*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "longer than 200ms") {
		t.Errorf("%q, %v", output, err)
	}
	if took := time.Since(began); took > hookGrace {
		t.Errorf("it took %s", took)
	}
	child, err := strconv.Atoi(output)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Await(t, 5*time.Second, "the child to be gone", func() bool { return syscall.Kill(child, 0) == syscall.ESRCH })
}
