package server

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that a statement that a server has parsed before is prepared although all servers
// are taken, and parsed where it is used.
func TestPromise(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, 1 })
	one, two, three := r.raw(), r.raw(), r.raw()
	prepare := func(name string) []byte { return join(mParse(name, "select count(*) from promised"), mSync()) }
	one.do("create table promised (i int)", "C:CREATE_TABLE Z:I")
	one.send(prepare("s"))
	one.want(1, "1 Z:I")
	one.do("begin", "C:BEGIN Z:T")
	one.do("insert into promised values (1)", "C:INSERT_0_1 Z:T")
	for _, name := range []string{"s", "other"} {
		two.send(prepare(name))
		two.want(1, "1 Z:I")
	}
	one.do("commit", "C:COMMIT Z:I")
	two.send(join(run("s"), mSync()))
	two.want(1, "2 D:1 C:SELECT_1 Z:I")

	one.do("begin", "C:BEGIN Z:T")
	one.do("drop table promised", "C:DROP_TABLE Z:T")
	three.send(prepare("s"))
	three.want(1, "1 Z:I")
	one.do("commit", "C:COMMIT Z:I")
	three.send(join(run("s"), mSync()))
	three.want(1, "E:42P01 Z:I")
}

// Ensure that a program with one thread and more connections than there are servers does not
// lock itself up when it prepares statements within transactions.
func TestPromisesToPgbench(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, 3 })
	for _, run := range [][]string{{"-i", "-q"}, {"-n", "-c", "12", "-j", "1", "-t", "20", "-M", "prepared"}} {
		out, err := exec.CommandContext(t.Context(), "pgbench", append(run, r.dsn())...).CombinedOutput()
		if err != nil || (run[0] == "-n" && !strings.Contains(string(out), "processed: 240/240")) {
			t.Fatalf("pgbench %s: %v\n%s", run, err, out)
		}
	}
}
