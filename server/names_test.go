package server

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// Ensure that Describe of a prepared EXECUTE tells the columns of what the session means by
// the name, whatever others mean by it, and whichever server that is.
func TestDescribeExecute(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size, s.MaxPrepared = config.AuthTrust, 1, 2 })
	one, two, none := r.raw(), r.raw(), r.raw()
	one.do("prepare s as select 1", "C:PREPARE Z:I")
	two.send(join(mParse("s", "select 1, 2"), mSync()))
	two.want(1, "1 Z:I")
	for _, name := range []string{"", "d"} {
		for range 2 { // each takes the name on the server over from the one before
			for c, want := range map[*raw]int{one: 1, two: 2, none: -1} {
				c.send(join(mClose('S', name), mParse(name, "execute s"), mDescribe('S', name), mSync()))
				if got := c.columns(); got != want {
					t.Errorf("%q: %d columns, want %d", name, got, want)
				}
			}
		}
		for c, want := range map[*raw]int{one: 1, two: 2, none: -1} {
			c.send(join(mDescribe('S', name), mSync()))
			if got := c.columns(); got != want {
				t.Errorf("%q, again: %d columns, want %d", name, got, want)
			}
		}
	}
	one.send(join(mQuery("deallocate s"), mParse("s", "select 1, 2, 3"), mSync(), mParse("", "execute s"), mDescribe('S', ""), mSync()))
	one.want(2, "C:DEALLOCATE Z:I 1 Z:I")
	if got := one.columns(); got != 3 {
		t.Errorf("in a pipeline: %d columns, want 3", got)
	}
	for c, want := range map[*raw]string{one: "D:1,2,3", two: "D:1,2"} {
		c.send(join(mParse("e", "execute s"), run("e"), mSync()))
		c.want(1, "1 2 "+want+" C:SELECT_1 Z:I")
	}
}

// Ensure that EXECUTE is described by what its name means for the client, whoever has
// had the server in between.
func TestDescribeExecuteInAnyOrder(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size, s.MaxPrepared = config.AuthTrust, 1, 2 })
	seed := pgtest.Seed(t)
	dice := rand.New(rand.NewPCG(seed, 0))
	one, two, none := r.raw(), r.raw(), r.raw()
	one.do("prepare s as select 1", "C:PREPARE Z:I")
	two.send(join(mParse("s", "select 1, 2"), mSync()))
	two.want(1, "1 Z:I")
	clients := []*raw{one, two, none}
	for _, c := range clients {
		c.send(join(mParse("", "execute s"), mParse("d", "execute s"), mSync()))
		c.want(1, "1 1 Z:I")
	}
	for n := range 300 {
		i, name := dice.IntN(3), []string{"", "d"}[dice.IntN(2)]
		batch := join(mDescribe('S', name), mSync())
		if dice.IntN(2) == 0 {
			batch = join(mClose('S', name), mParse(name, "execute s"), batch)
		}
		clients[i].send(batch)
		if got, want := clients[i].columns(), []int{1, 2, -1}[i]; got != want {
			t.Fatalf("batch %d, %q: %d columns, want %d", n, name, got, want)
		}
	}
}

// columns is how many the answers to a batch have; -1 for NoData.
func (c *raw) columns() int {
	c.t.Helper()
	for n := -1; ; {
		typ, body, err := c.frame()
		switch {
		case err != nil:
			c.t.Fatal(err)
		case typ == wire.ErrorResponse:
			c.t.Errorf("got %v", wire.ParseError(body))
		case typ == wire.RowDescription:
			n = int(binary.BigEndian.Uint16(body))
		case typ == wire.ReadyForQuery:
			return n
		}
	}
}
