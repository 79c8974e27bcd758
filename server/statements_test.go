package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that what a session may have prepared is bounded, in bytes, however it prepares,
// and that it can go on when it closes some.
func TestPreparedSize(t *testing.T) {
	for _, mode := range []config.PoolMode{config.PoolTransaction, config.PoolSession} {
		r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
			s.Auth, s.Mode, p.Size, s.MaxPreparedSize = config.AuthTrust, mode, 1, 4<<10
		})
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			c := r.raw()
			c.t = t
			long := "select '" + strings.Repeat("x", 1000) + "'"
			c.send(join(mParse("a", long), mParse("b", long), mParse("c", long), mSync()))
			c.want(1, "1 1 1 Z:I")
			c.send(join(mParse("d", long), mParse("e", "select 1"), mSync()))
			c.want(1, "E:53400 Z:I")
			c.send(join(mParse("d", long), mSync()))
			c.want(1, "E:53400 Z:I")
			c.do("prepare d as "+long, "E:53400 Z:I")
			c.do("select 1; prepare d as "+long, "E:53400 Z:I")
			c.do("deallocate none", "E:26000 Z:I")
			c.send(join(mParse("", long), run(""), mParse("", long), mParse("small", "select 1"), run("small"), mSync()))
			c.want(1, "1 2 D:"+strings.Repeat("x", 1000)+" C:SELECT_1 1 1 2 D:1 C:SELECT_1 Z:I")
			c.send(join(mClose('S', "a"), mParse("d", long), mSync()))
			c.want(1, "3 1 Z:I")
			c.do("begin; prepare e as "+long, "E:53400 Z:I")
			c.do("deallocate b", "C:DEALLOCATE Z:I")
			c.do("prepare e as "+long, "C:PREPARE Z:I")
			c.do("prepare f as "+long, "E:53400 Z:I")
			c.do("deallocate all", "C:DEALLOCATE_ALL Z:I")
			c.send(join(mParse("a", long), mParse("b", long), mParse("c", long), mSync()))
			c.want(1, "1 1 1 Z:I")
		})
	}
}

// Ensure that what was refused, or rolled into nothing by an error, takes no room.
func TestPreparedSizeOfFailures(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth, p.Size, s.MaxPreparedSize = config.AuthTrust, 1, 4<<10
	})
	c := r.raw()
	for i := range 100 {
		name := fmt.Sprint("s", i)
		c.send(join(mParse(name, "selec"), mParse("other", "select 1"), mSync()))
		c.want(1, "E:42601 Z:I")
		c.send(join(mParse(name, "select 1"), mParse("", "selec"), mSync(), mClose('S', name), mSync()))
		c.want(2, "1 E:42601 Z:I 3 Z:I")
		c.do("prepare x as selec", "E:42601 Z:I")
	}
	c.send(join(mParse("same", "select 1"), mSync()))
	c.want(1, "1 Z:I")
	for range 100 {
		c.send(join(mParse("same", "select 2"), mSync()))
		c.want(1, "E:42P05 Z:I")
	}
}

// Ensure that questions that pgherd answers itself are bounded, too.
func TestPreparedQuestions(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	for i := range maxQuestions {
		c.send(join(mParse(fmt.Sprint("q", i), "explain route select 1"), mSync()))
		c.want(1, "1 Z:I")
	}
	c.send(join(mParse("more", "explain route select 1"), mParse("x", "select 1"), mSync()))
	c.want(1, "E:53400 Z:I")
	c.send(join(mClose('S', "q7"), mParse("more", "explain route select 1"), mSync()))
	c.want(1, "3 1 Z:I")
	c.do("begin", "C:BEGIN Z:T")
	c.do("select 1", "T D:1 C:SELECT_1 Z:T")
	c.send(join(mParse("most", "explain route select 1"), mSync()))
	c.want(1, "E:53400 Z:E")
	c.do("rollback", "C:ROLLBACK Z:I")
}

// Ensure that errors call a statement by the client's name for it.
func TestStatementNamesInErrors(t *testing.T) {
	r := single(t, 1, 1)
	c := r.connect()
	if _, err := c.Prepare(t.Context(), "mine", "select $1::int"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is not the statement's first use
		result := c.PgConn().ExecPrepared(t.Context(), "mine", nil, nil, nil).Read()
		want := `bind message supplies 0 parameters, but prepared statement "mine" requires 1`
		if e, ok := errors.AsType[*pgconn.PgError](result.Err); !ok || e.Code != "08P01" || e.Message != want {
			t.Errorf("got %v, want %s", result.Err, want)
		}
	}
}
