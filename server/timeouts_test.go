package server

import (
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// profiled is a server whose sessions all have the same profile, with a pool of
// the given size. Clients are trusted.
func profiled(t *testing.T, size int, p Profile) *rig {
	t.Helper()
	return newRig(t, 0, func(s *Config, c *pool.Config, _ *int) {
		s.Auth, c.Size = config.AuthTrust, size
		s.Profile = func(string, string) Profile { return p }
	})
}

// working counts the backends that carry out something with marker in its text.
func (r *rig) working(marker string) int {
	c, err := r.cluster.Connect(r.Context(), 0, "postgres")
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close(r.Context())
	return query[int](r.T, c, "select count(*) from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and query like '%' || $1 || '%'", marker)
}

// Ensure that a statement that runs for too long is cancelled and says why, and
// that its session, and its transaction's server, live on.
func TestQueryTimeout(t *testing.T) {
	r := profiled(t, 1, Profile{QueryTimeout: 1500 * time.Millisecond})
	c := r.raw()
	c.send(mQuery("select 'long', pg_sleep(30)"))
	var told *wire.Error
	for told == nil {
		typ, body, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if typ == wire.ErrorResponse {
			told = wire.ParseError(body)
		}
	}
	if told.Code != "57014" || !strings.Contains(told.Message, "query_timeout") {
		t.Errorf("got %v", told)
	}
	c.want(1, "Z:I")
	c.do("select 'lives'", "T D:lives C:SELECT_1 Z:I")
	c.do("begin", "C:BEGIN Z:T")
	c.send(one("select pg_sleep(30)"), mSync())
	if got := c.until('Z'); !strings.HasSuffix(got, "E:57014 Z:E") {
		t.Errorf("in a pipeline: %s", got)
	}
	c.do("rollback", "C:ROLLBACK Z:I")
	for range 3 { // one after the other they may take longer than it
		c.do("select pg_sleep(0.6)", "T D: C:SELECT_1 Z:I")
	}
}

// Ensure that a transaction that lasts too long ends, whatever is under way, and
// that the node stops working for it.
func TestTransactionTimeout(t *testing.T) {
	r := profiled(t, 1, Profile{TransactionTimeout: 800 * time.Millisecond})
	for _, before := range []string{"", "begin; "} {
		c := r.raw()
		c.send(mQuery(before + "select 'marked', pg_sleep(30)"))
		if got := c.until('E'); !strings.HasSuffix(got, "E:25P04") {
			t.Errorf("%q: %s", before, got)
		}
		c.want(1, "closed")
		await(t, func() bool { return r.working("marked") == 0 })
	}
	c := r.raw()
	c.do("begin", "C:BEGIN Z:T")
	if got := c.next(); got != "E:25P04" {
		t.Errorf("idle in a transaction: %s", got)
	}
	r.raw().do("select 'free'", "T D:free C:SELECT_1 Z:I")
}

// Ensure that silence ends a session, in a transaction and outside, by its own
// timeout only, and that what it had written is rolled back.
func TestSilence(t *testing.T) {
	short, long := time.Second, time.Minute
	r := profiled(t, 2, Profile{IdleTransactionTimeout: short, ClientIdleTimeout: long})
	quiet := r.raw()
	c := r.raw()
	c.do("create table silence (a int)", "C:CREATE_TABLE Z:I")
	c.do("begin; insert into silence values (1)", "C:BEGIN C:INSERT_0_1 Z:T")
	c.want(1, "E:25P03 closed")
	quiet.do("select count(*) from silence", "T D:0 C:SELECT_1 Z:I")

	r = profiled(t, 2, Profile{IdleTransactionTimeout: long, ClientIdleTimeout: short})
	inside, c := r.raw(), r.raw()
	inside.do("begin", "C:BEGIN Z:T")
	c.want(1, "E:57P05 closed")
	inside.do("select 'lives'", "T D:lives C:SELECT_1 Z:T")
	busy := r.raw()
	busy.do("select pg_sleep(1.5)", "T D: C:SELECT_1 Z:I") // is not silence
}

// Ensure that timeouts that a reload brings hold for sessions that are there.
func TestTimeoutsFollowReload(t *testing.T) {
	r := profiled(t, 1, Profile{})
	c := r.raw()
	c.do("select 1", "T D:1 C:SELECT_1 Z:I")
	next := *r.server.config()
	next.Profile = func(string, string) Profile { return Profile{ClientIdleTimeout: 100 * time.Millisecond} }
	r.server.Configure(next)
	c.want(1, "E:57P05 closed")
}

// Ensure that a client that waits in line is told so once, and still gets its
// answer.
func TestQueryWaitNotify(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth, p.Size, s.QueryWaitNotify = config.AuthTrust, 1, 500*time.Millisecond
	})
	holder, waiter := r.raw(), r.raw()
	holder.do("begin", "C:BEGIN Z:T")
	holder.do("select 1", "T D:1 C:SELECT_1 Z:T")
	waiter.send(mQuery("select 'served'"))
	typ, body, err := waiter.frame()
	if notice := wire.ParseError(body); err != nil || typ != wire.NoticeResponse || notice.Severity != "NOTICE" || !strings.Contains(notice.Message, "bench") {
		t.Fatalf("got %q %v, %v", typ, notice, err)
	}
	holder.do("commit", "C:COMMIT Z:I")
	if typ, _, err = waiter.frame(); err != nil || typ != wire.RowDescription {
		t.Fatalf("got %q, %v behind the notice", typ, err)
	}
	waiter.want(1, "D:served C:SELECT_1 Z:I")
	r.publish(cluster.NoNode) // which is another reason to wait
	waiter.send(mQuery("create table led (a int)"))
	typ, body, err = waiter.frame()
	if notice := wire.ParseError(body); err != nil || typ != wire.NoticeResponse || !strings.Contains(notice.Message, "no primary") {
		t.Fatalf("got %q %v, %v", typ, notice, err)
	}
	r.publish(0)
	waiter.want(1, "C:CREATE_TABLE Z:I")
}

// Ensure that a login that takes too long ends.
func TestLoginTimeout(t *testing.T) {
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.LoginTimeout = 500 * time.Millisecond })
	silent, slow := r.dialRaw(), r.dialRaw()
	slow.send([]byte{0, 0, 0})
	slow.want(1, "E:57P05 closed")
	silent.want(1, "E:57P05 closed")
}

// Ensure that clients beyond a limit are refused at once and others are not, and
// that those who leave make room.
func TestClientLimits(t *testing.T) {
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) {
		s.Auth, s.MaxClients, s.Admins = config.AuthTrust, 3, []string{"bench"}
		s.Profile = func(database, user string) Profile {
			switch {
			case database == "bench":
				return Profile{MaxDatabaseClients: 2}
			case user == "bench":
				return Profile{MaxUserClients: 3}
			}
			return Profile{}
		}
	})
	refused := func(user, database string) {
		t.Helper()
		c := r.dialRaw()
		c.send(wire.AppendStartup(nil, "user", user, "database", database))
		if got := c.until('E'); !strings.HasSuffix(got, "E:53300") {
			t.Errorf("%s on %s: %s", user, database, got)
		}
		c.want(1, "closed")
		_ = c.conn.Close()
	}
	first, _ := r.raw(), r.raw()
	refused("bench", "bench")
	await(t, func() bool { return r.server.clients.Load() == 2 })
	third := r.raw("database", "postgres")
	refused("bench", "postgres") // max_clients
	c := r.dialRaw()             // which does not keep an administrator out
	c.send(wire.AppendStartup(nil, "user", "bench", "database", "pgpool"))
	if got := c.until('Z'); !strings.HasSuffix(got, "Z:I") {
		t.Errorf("the console: %s", got)
	}
	refused("other", "pgpool")
	_, _ = first.conn.Close(), third.conn.Close()
	await(t, func() bool { return r.server.clients.Load() <= 2 })
	r.raw()
}

// Ensure that pool mode statement refuses transaction blocks, however they are
// opened, and nothing else.
func TestStatementMode(t *testing.T) {
	r := profiled(t, 1, Profile{Mode: config.PoolStatement})
	c := r.raw()
	c.do("begin", "E:0A000 Z:I")
	c.do("start transaction read only", "E:0A000 Z:I")
	c.do("select 1; select 2", "T D:1 C:SELECT_1 T D:2 C:SELECT_1 Z:I")
	c.send(one("begin"), mSync())
	if got := c.until('Z'); got != "E:0A000 Z:I" {
		t.Errorf("extended: %s", got)
	}
	c.send(one("select 'extended'"), mSync())
	if got := c.until('Z'); !strings.HasSuffix(got, "D:extended C:SELECT_1 Z:I") {
		t.Errorf("extended: %s", got)
	}
	c.send(mQuery("select 1"), mQuery("begin")) // the second comes while the first has the server
	if got := c.answers(3); got != "T D:1 C:SELECT_1 Z:I C:BEGIN Z:T E:0A000 closed" {
		t.Errorf("pipelined: %s", got)
	}
	r.raw().do("select 'free'", "T D:free C:SELECT_1 Z:I")
}

// Ensure that a transaction whose client has vanished is stopped on the node, not
// run to its end, and that nothing of it is left.
func TestVanishedTransaction(t *testing.T) {
	r := profiled(t, 1, Profile{})
	other := r.raw()
	other.do("create table vanished (a int)", "C:CREATE_TABLE Z:I")
	c := r.raw()
	c.do("begin; insert into vanished values (1)", "C:BEGIN C:INSERT_0_1 Z:T")
	c.send(mQuery("select 'marked', pg_sleep(60)"))
	await(t, func() bool { return r.working("marked") == 1 })
	_ = c.conn.Close()
	other.do("select count(*) from vanished", "T D:0 C:SELECT_1 Z:I")
	await(t, func() bool { return r.working("marked") == 0 })
}

// Ensure that servers log in as the database's section says.
func TestAlias(t *testing.T) {
	login := pool.Login{Database: "postgres", Query: "set work_mem to '7MB'", Params: []string{"timezone", "Asia/Tokyo"}}
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth = config.AuthTrust
		s.Profile = func(string, string) Profile { return Profile{User: "bench"} }
		p.Limits = func(pool.Key) pool.Limits { return pool.Limits{Size: 2, Login: login} }
	})
	c := r.raw("user", "somebody", "database", "alias")
	c.do("select current_database(), current_user, current_setting('work_mem'), current_setting('timezone')",
		"T D:postgres,bench,7MB,Asia/Tokyo C:SELECT_1 Z:I")
	if got := c.params["TimeZone"]; got != "Asia/Tokyo" {
		t.Errorf("the client was told of time zone %q", got)
	}
}
