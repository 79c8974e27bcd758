package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// refusals makes pipelines of reads, of which a standby refuses some.
type refusals struct {
	*rand.Rand
	shapes  int
	known   map[string]string // statements by name
	batches int               // in the pipeline
	said    []string
}

const failing = "select 1/0"

// refused is in a shape of its own, for the next one would not be sent to a standby.
func (d *refusals) refused() string {
	d.shapes++
	return fmt.Sprintf("select %d <~> %d as n%d", d.IntN(10), d.IntN(10), d.shapes)
}

func (d *refusals) statement() string {
	switch d.IntN(6) {
	case 0:
		return d.refused()
	case 1:
		return failing
	case 2:
		return "select repeat('x', 50)"
	}
	return fmt.Sprintf("select %d", d.IntN(1000))
}

func (d *refusals) say(text string, frames ...[]byte) []byte {
	d.said = append(d.said, text)
	return join(frames...)
}

// head begins a batch with what can't fail: what it does to names is not skipped.
func (d *refusals) head() []byte {
	sql, name := d.statement(), []string{"", "", "a", "b"}[d.IntN(4)]
	_, known := d.known[name]
	switch {
	case name == "" && d.IntN(3) == 0: // for the batch behind
		d.batches++
		d.known[""] = d.refused()
		return d.say(`Parse "", Sync: `+d.known[""], mParse("", d.known[""]), mSync())
	case name != "" && known:
		delete(d.known, name)
		return d.say("Close "+name, mClose('S', name))
	}
	d.known[name] = sql
	return d.say(fmt.Sprintf("Parse %q: %s", name, sql), mParse(name, sql))
}

// use is of a statement that is known, or not. It is the last of its batch if it fails.
func (d *refusals) use() (frames []byte, last bool) {
	name := []string{"", "a", "b"}[d.IntN(3)]
	sql, known := d.known[name]
	if d.IntN(4) == 0 {
		return d.say(fmt.Sprintf("Describe %q", name), mDescribe('S', name)), !known
	}
	return d.say(fmt.Sprintf("Bind %q, Execute", name), mBind("", name), mExecute("", 0)), !known || sql == failing
}

func (d *refusals) batch() (all []byte) {
	d.batches++
	if d.IntN(4) == 0 {
		sql := d.statement()
		delete(d.known, "")
		return d.say("Query "+sql, mQuery(sql))
	}
	if d.IntN(3) > 0 {
		all = d.head()
	}
	for range d.IntN(5) {
		frames, last := d.use()
		if all = append(all, frames...); last {
			break
		}
	}
	return append(all, d.say("Sync", mSync())...)
}

// Ensure that a pipeline, its answers small enough to come at once, is answered as PostgreSQL answers it, whatever the standby
// refuses and whenever it is lost.
func TestRandomRefusals(t *testing.T) {
	r := newRig(t, 1, func(s *Config, p *pool.Config, n *int) { s.Auth, p.Size, *n = config.AuthTrust, 3, 2 })
	mustExec(t, r.cluster.Conn(0), unwilling)
	r.caughtUp()
	seed := pgtest.Seed(t)
	dice := &refusals{Rand: rand.New(rand.NewPCG(seed, 0)), known: map[string]string{}}
	through, direct := r.raw(), r.direct()
	standby := r.cluster.Conn(1)
	before := r.server.Selects(1)
	for round := range 400 {
		dice.said, dice.batches = dice.said[:0], 0
		var send []byte
		for range 1 + dice.IntN(6) {
			send = append(send, dice.batch()...)
		}
		through.send(send)
		direct.send(send)
		if round%20 == 10 {
			mustExec(t, standby, "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'bench' and datname = 'bench' and application_name = '' and pid <> pg_backend_pid()")
		}
		if got, want := through.answers(dice.batches), direct.answers(dice.batches); got != want {
			t.Fatalf("got  %s\nwant %s\nof\n%s", got, want, strings.Join(dice.said, "\n"))
		}
	}
	if n := r.server.Selects(1) - before; n < 200 {
		t.Errorf("the standby was asked %d times, want 200 at least", n)
	}
}
