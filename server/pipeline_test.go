package server

import (
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// run carries out a statement of the client's.
func run(name string) []byte { return join(mBind("", name), mExecute("", 0)) }

// Ensure that a batch whose end the server has skipped leaves names and the unnamed
// statement alone, and that those behind it, which have come with it, are answered
// accordingly. They get what a client of the node itself gets.
func TestSkippedNames(t *testing.T) {
	for name, mode := range map[string]config.PoolMode{"transaction": config.PoolTransaction, "session": config.PoolSession} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, s.Mode, p.Size = config.AuthTrust, mode, 1 })
			for _, c := range append(skippedUnnamed(), skippedNamed()...) {
				testSteps(t, c.name, newTwin(r, "bench", nil), c.steps)
			}
		})
	}
}

// conversation is steps, each of them one write.
type conversation struct {
	name  string
	steps [][]byte
}

// slowly gives pgherd the time to look at all batches before the first is answered.
func slowly() []byte { return one("select pg_sleep(0.02)") }

// skippedUnnamed are conversations in which changes of the unnamed statement are skipped.
func skippedUnnamed() []conversation {
	slow, fails := slowly(), join(slowly(), one("select 1/0"))
	return []conversation{
		{"unnamed statement", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(run(""), mBind("", "", "too many"), mParse("", "select 'skipped'"), mSync()),
			join(run(""), mSync()),
		}},
		{"unnamed statement, used behind it", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(slow, mParse("", "select 'mine'"), mBind("", "no such"), mParse("", "select 'skipped'"), mSync(), run(""), mSync()),
			join(run(""), mSync()),
		}},
		{"unnamed statement, skipped twice", [][]byte{
			join(slow, mParse("", "select 'old'"), mBind("", "no such"), mParse("", "select 'one'"), mSync(), mBind("", "no such"), mParse("", "select 'two'"), mParse("", "select 'three'"), mSync()),
			join(run(""), mSync()),
		}},
		{"unnamed statement, replaced behind it", [][]byte{
			join(fails, mParse("", "select 'skipped'"), mSync(), mParse("", "select 'new'"), mSync()),
			join(run(""), mSync()),
		}},
		{"unnamed statement, skipped behind its replacement", [][]byte{
			join(fails, mParse("", "select 'skipped'"), mSync(), mParse("", "select 'new'"), mBind("", "no such"), mParse("", "select 'skipped, too'"), mSync()),
			join(run(""), mSync()),
		}},
		{"unnamed statement that fails", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(slow, mParse("", "selec"), mParse("", "select 'skipped'"), mSync()),
			join(run(""), mSync()),
		}},
		{"unnamed statement, not used, and a wrong one behind it", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(mParse("z", "select pg_sleep(0.02)"), run("z"), mBind("", "no such"), run(""), mSync(), mParse("", "selec"), mSync(), run(""), mSync()),
		}},
		{"unnamed statement closed", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(slow, mBind("", "no such"), mClose('S', ""), mSync(), run(""), mSync()),
			join(mParse("", "select 'old'"), mSync()),
			join(mBind("", "no such"), mClose('S', ""), mSync()),
			join(run(""), mSync()),
		}},
		{"a setting that pgherd refuses", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(mBind("", "no such"), mParse("", "set pgherd.route = 'nowhere'"), mSync(), run(""), mSync()),
			join(slow, mSync(), mParse("", "select 'new'"), mSync(), mBind("", "no such"), mParse("", "set pgherd.route = 'nowhere'"), mSync(), run(""), mSync()),
		}},
		{"a setting that pgherd refuses, in a query", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(mBind("", "no such"), mQuery("set pgherd.route = 'nowhere'"), mSync(), run(""), mSync()),
		}},
		{"query", [][]byte{
			join(mParse("", "select 'old'"), mSync()),
			join(mBind("", "no such"), mQuery("select 'skipped'"), mSync()),
			join(run(""), mSync()),
		}},
	}
}

// skippedNamed are the same for names.
func skippedNamed() []conversation {
	slow, fails := slowly(), join(slowly(), one("select 1/0"))
	return []conversation{
		{"Close", [][]byte{
			join(mParse("s", "select 'old'"), mSync()),
			join(fails, mClose('S', "s"), mSync(), mParse("s", "select 'new'"), run("s"), mSync(), run("s"), mSync()),
			join(run("s"), mSync()),
		}},
		{"Parse", [][]byte{
			join(fails, mParse("s", "select 'skipped'"), mSync(), mParse("s", "select 'new'"), run("s"), mSync(), run("s"), mSync()),
			join(run("s"), mSync()),
		}},
		{"Parse that fails", [][]byte{
			join(slow, mSync(), mParse("s", "selec"), mSync(), mParse("s", "select 'new'"), run("s"), mSync()),
			join(run("s"), mSync()),
		}},
		{"Parse, the same by another name", [][]byte{
			join(fails, mParse("s", "select 'same'"), mSync(), mParse("r", "select 'same'"), run("r"), mSync(), run("s"), mSync()),
			join(run("r"), mSync(), mClose('S', "r"), mSync()),
		}},
		{"Close, and Bind behind it", [][]byte{
			join(mParse("s", "select 'old'"), mSync()),
			join(fails, mClose('S', "s"), mSync(), run("s"), mSync(), mDescribe('S', "s"), mSync()),
		}},
		{"EXECUTE", [][]byte{
			join(mParse("s", "select 'old'"), mSync()),
			join(fails, mClose('S', "s"), mSync(), mQuery("execute s")),
			join(fails, mClose('S', "s"), mSync(), one("execute s"), mSync()),
			join(fails, mClose('S', "s"), mSync(), mQuery("deallocate s"), mQuery("execute s")),
		}},
		{"PREPARE", [][]byte{
			join(fails, mParse("s", "select 'skipped'"), mSync(), mQuery("prepare s as select 'new'"), run("s"), mSync()),
		}},
	}
}

// Ensure that a batch does not count on a statement that one in front of it was to
// prepare, unasked, on a server that had it not.
func TestSkippedHiddenParse(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size, s.MaxPrepared = config.AuthTrust, 1, 2 })
	c, other := r.raw(), r.raw()
	c.send(join(mParse("a", "select 'a'"), mParse("", "select 'unnamed'"), mSync()))
	c.want(1, "1 1 Z:I")
	for _, sql := range []string{"select 1", "select 2", "select 3"} { // the shared statement makes room
		other.send(join(mParse(sql, sql), mSync()))
		other.want(1, "1 Z:I")
	}
	fails := join(one("select pg_sleep(0.02)"), one("select 1/0"))
	const failed = "1 2 D: C:SELECT_1 1 E:22012 Z:I "
	c.send(join(fails, run("a"), mSync(), run("a"), mSync(), run("a"), mSync()))
	c.want(3, failed+"2 D:a C:SELECT_1 Z:I 2 D:a C:SELECT_1 Z:I")
	c.send(join(mParse("", "select 'unnamed'"), mSync()))
	c.want(1, "1 Z:I")
	other.do("select 1", "T D:1 C:SELECT_1 Z:I")
	c.send(join(mBind("", "no such"), run(""), mSync(), run(""), mSync()))
	c.want(2, "E:26000 Z:I 2 D:unnamed C:SELECT_1 Z:I")
	other.send(join(run("select 1"), run("select 2"), mSync())) // which evicts a
	other.want(1, "2 D:1 C:SELECT_1 2 D:2 C:SELECT_1 Z:I")
	c.send(join(fails, run("a"), mSync(), mParse("b", "select 2"), run("b"), mSync())) // the eviction of 1 is skipped
	c.want(2, failed+"1 2 D:2 C:SELECT_1 Z:I")
	other.send(join(run("select 1"), run("select 2"), mSync()))
	other.want(1, "2 D:1 C:SELECT_1 2 D:2 C:SELECT_1 Z:I")
}

// Ensure that a name which a skipped batch was to close, and a batch behind it has closed to
// make room, is gone from the server.
func TestSkippedCloseBeforeAnEviction(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size, s.MaxPrepared = config.AuthTrust, 1, 1 })
	c := r.raw()
	c.do("prepare a as select 1", "C:PREPARE Z:I")
	c.send(join(mParse("y", "select 2"), mSync())) // which evicts a
	c.want(1, "1 Z:I")
	c.send(join(mParse("a", "select 3"), mSync())) // an empty statement stands in for it
	c.want(1, "E:42P05 Z:I")
	fails := join(one("select pg_sleep(0.02)"), one("select 1/0"))
	c.send(join(fails, mDescribe('S', "a"), mSync(), run("y"), mSync(), mParse("z", "select 4"), mSync()))
	c.want(3, "1 2 D: C:SELECT_1 1 E:22012 Z:I 2 D:2 C:SELECT_1 Z:I 1 Z:I")
	c.send(join(mParse("a", "select 5"), mSync()))
	c.want(1, "E:42P05 Z:I")
	c.do("execute a", "T D:1 C:SELECT_1 Z:I")
}

// testSteps compares with the node.
func testSteps(t *testing.T, name string, w *twin, steps [][]byte) {
	defer w.pooled.send(mTerminate())
	for i, send := range steps {
		w.pooled.send(send)
		w.direct.send(send)
		n := countBatches(send)
		if got, want := w.pooled.answers(n), w.direct.answers(n); got != want {
			t.Errorf("%s, step %d\ngot  %s\nwant %s", name, i, got, want)
		}
	}
}

// countBatches takes a Query within a batch for one that is skipped.
func countBatches(b []byte) (n int) {
	for begins := true; len(b) > 0; {
		typ, size := wire.Peek(b)
		if begins = typ == wire.Sync || (typ == wire.Query && begins); begins {
			n++
		}
		b = b[size:]
	}
	return n
}
