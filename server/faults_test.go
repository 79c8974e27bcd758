package server

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// Ensure that a client that goes away at any moment leaves the only server free.
func TestClientVanishes(t *testing.T) {
	half := wire.AppendQuery(nil, "select '"+strings.Repeat("x", 3<<20)+"'")[:1<<20+5000]
	for _, loops := range []int{1, 2} {
		r := single(t, loops, 1)
		for _, c := range []struct {
			name   string
			before []byte
			await  byte
			last   []byte
		}{
			{"in a query", nil, 0, mQuery("select pg_sleep(0.2)")},
			{"in a transaction", mQuery("begin"), 'Z', nil},
			{"in a transaction's query", mQuery("begin"), 'Z', mQuery("select pg_sleep(0.2)")},
			{"in a copy", mQuery("copy t from stdin"), 'G', mData("x\n")},
			{"in a frame of a copy", mQuery("copy t from stdin"), 'G', mData("x\n")[:6]},
			{"in an extended copy", join(one("copy t from stdin"), mSync()), 'G', nil},
			{"in a batch", join(one("select 1"), mFlush()), 'C', nil},
			{"in a batch of a transaction", mQuery("begin"), 'Z', one("select 1")},
			{"in a large query", nil, 0, half},
			{"in a frame", nil, 0, mQuery("select 1")[:7]},
			{"in a large result", nil, 0, mQuery("select repeat('x', 1000000) from generate_series(1, 20)")},
		} {
			t.Run(fmt.Sprint(c.name, ", loops ", loops), func(t *testing.T) {
				client := r.raw()
				client.send(c.before)
				if c.await != 0 {
					client.until(c.await)
				}
				client.send(c.last)
				client.conn.Close()
				other := r.raw()
				other.t = t
				other.do("select 'free'", "T D:free C:SELECT_1 Z:I")
			})
		}
		await(t, func() bool { return r.server.clients.Load() == 11 }) // the others
	}
}

// Ensure that what runs for a client whose connection is reset is canceled.
func TestResetCancels(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	c.send(mQuery("select pg_sleep(60)"))
	watch := r.cluster.Conn(0)
	running := func() bool {
		return query[int](t, watch, "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'") > 0
	}
	await(t, running)
	if err := c.conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.conn.Close()
	await(t, func() bool { return !running() })
}

// Ensure that a client that has said all it wants to say still gets its answers.
func TestHalfClosedClient(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	c.do("select 1", "T D:1 C:SELECT_1 Z:I") // there is an idle server now
	c.send(join(mQuery("select pg_sleep(0.1), 2"), mQuery("select repeat('x', 3000000), 3"), mQuery("select 4")))
	if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := c.until('!')
	got = strings.ReplaceAll(got, strings.Repeat("x", 3000000), "x")
	if want := "T D:,2 C:SELECT_1 Z:I T D:x,3 C:SELECT_1 Z:I T D:4 C:SELECT_1 Z:I closed"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Ensure that nonsense is refused, without harm to others.
func TestGarbage(t *testing.T) {
	r := single(t, 1, 1)
	long := binary.BigEndian.AppendUint32(nil, 10001)
	for _, c := range []struct {
		name string
		send []byte
		want string
	}{
		{"length 0", make([]byte, 8), "E:08P01 closed"},
		{"length -1", bytes.Repeat([]byte{0xff}, 8), "E:08P01 closed"},
		{"10 KB start-up packet", long, "E:08P01 closed"},
		{"protocol 2", []byte{0, 0, 0, 8, 0, 2, 0, 0}, "E:0A000 closed"},
		{"a query before login", mQuery("select 1"), "E:08P01 closed"},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), "E:08P01 closed"},
		{"no user", wire.AppendStartup(nil, "database", "bench"), "E:28000 closed"},
		{"start-up packet without its end", []byte{0, 0, 0, 10, 0, 3, 0, 0, 'u', 'x'}, "E:08P01 closed"},
	} {
		client := r.dialRaw()
		client.send(c.send)
		if got := client.until('!'); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name string
		send []byte
	}{
		{"length 0", []byte{'Q', 0, 0, 0, 0}},
		{"length 3", []byte{'Q', 0, 0, 0, 3}},
		{"length -1", []byte{'Q', 0xff, 0xff, 0xff, 0xff}},
		{"unknown type", wire.AppendFrame(nil, '!', "x")},
		{"password", wire.AppendFrame(nil, 'p', "x\x00")},
		{"Sync of 2 MB", []byte{'S', 0, 32, 0, 0}},
		{"Parse without its end", wire.AppendFrame(nil, wire.Parse, "x")},
		{"Bind without its names", join(wire.AppendFrame(nil, wire.Bind, "x"), mSync())},
		{"empty Describe", join(wire.AppendFrame(nil, wire.Describe, ""), mSync())},
	} {
		client := r.raw()
		client.send(c.send)
		if c.name == "Parse without its end" {
			client.send(mSync())
		}
		if got := client.until('!'); got != "E:08P01 closed" {
			t.Errorf("%s: got %s", c.name, got)
		}
		r.raw().do("select 1", "T D:1 C:SELECT_1 Z:I")
	}
}

// Ensure that a login of any speed and version is understood.
func TestStartup(t *testing.T) {
	r := single(t, 2, 1)
	for _, c := range []struct {
		version uint32
		options []string
		want    string
		secret  int
	}{
		{wire.Version30, nil, "R Z:I", 4},
		{wire.Version32, nil, "R Z:I", 32},
		{3<<16 | 9999, nil, "v R Z:I", 32},
		{wire.Version30, []string{"_pq_.x", "1", "_pq_.y", "2"}, "v R Z:I", 4},
	} {
		client := r.dialRaw()
		packet := wire.AppendStartup(nil, append([]string{"user", "bench", "database", "bench"}, c.options...)...)
		binary.BigEndian.PutUint32(packet[4:], c.version)
		bytewise(client, []byte{0, 0, 0, 8, 4, 210, 22, 47}) // SSLRequest
		if n, err := client.conn.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatal(err)
		}
		bytewise(client, packet)
		if got := client.until('Z'); got != c.want || len(client.secret) != c.secret {
			t.Errorf("version %x: got %s and a key of %d bytes, want %s and %d", c.version, got, len(client.secret), c.want, c.secret)
		}
	}
}

func TestCancelWithWrongKey(t *testing.T) {
	r := single(t, 2, 1)
	c := r.raw()
	c.send(mQuery("select pg_sleep(0.3), 1"))
	for _, secret := range [][]byte{{1, 2, 3, 4}, append(bytes.Clone(c.secret), 0), c.secret[:3]} {
		r.dialRaw().send(wire.AppendCancel(nil, c.pid, secret))
	}
	c.want(1, "T D:,1 C:SELECT_1 Z:I")
	c.send(mQuery("select pg_sleep(30)"))
	await(t, func() bool {
		return query[int](t, r.cluster.Conn(0), "select count(*) from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'") == 1
	})
	r.dialRaw().send(wire.AppendCancel(nil, c.pid, c.secret))
	c.want(1, "T E:57014 Z:I")
}

// Ensure that values of any size pass, in bounded memory.
func TestLargeValues(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	big := strings.Repeat("x", 20<<20)
	batch := join(mParse("", "select length($1)"), mBind("", "", big), mExecute("", 0), mSync())
	literal := mQuery("select length('" + big + "')")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.send(batch)
	c.want(1, "1 2 D:20971520 C:SELECT_1 Z:I")
	c.send(literal)
	c.want(1, "T D:20971520 C:SELECT_1 Z:I")
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d bytes were allocated to pass 40 MB on", used)
	}
	c.do("discard all", "C:DISCARD_ALL Z:I")
	slowReader(t, r)
}

// slowReader asks for 30 MB and looks away first.
func slowReader(t *testing.T, r *rig) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := r.raw()
	c.send(mQuery("select repeat('y', 30000000)"), mSync(), mQuery("select 2"))
	buffer := make([]byte, 64<<10)
	total, answer := 0, []byte(nil)
	for total < 30000000 {
		n, err := c.conn.Read(buffer)
		if total += n; err != nil {
			t.Fatal(err)
		}
		answer = append(answer[:0], buffer[:n]...)
		time.Sleep(time.Millisecond / 10)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes were allocated for a slow reader of 30 MB", used)
	}
	c.conn = rest{c.conn, bytes.NewReader(answer[max(0, bytes.LastIndexByte(answer, 'y')+1):])}
	c.want(3, "C:SELECT_1 Z:I Z:I T D:2 C:SELECT_1 Z:I")
}

// rest reads what was read too far first.
type rest struct {
	net.Conn
	first *bytes.Reader
}

func (r rest) Read(b []byte) (int, error) {
	if r.first.Len() > 0 {
		return r.first.Read(b)
	}
	return r.Conn.Read(b)
}

// Ensure that a server that is terminated is noticed in every state, told once,
// and that the session goes on where it can.
func TestServerTerminated(t *testing.T) {
	r := single(t, 2, 2)
	kill := func(t *testing.T, like string) {
		conn := r.cluster.Conn(0)
		await(t, func() bool {
			return query[int](t, conn, "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'bench' and pid <> pg_backend_pid() and query like $1 and application_name = ''", like) > 0
		})
		await(t, func() bool {
			return query[int](t, conn, "select count(*) from pg_stat_activity where usename = 'bench' and pid <> pg_backend_pid() and query like $1 and application_name = ''", like) == 0
		})
	}
	for _, c := range []struct {
		name        string
		begin, busy string
		like        string
		want, after string
	}{
		{"idle in the pool", "", "", "%mark%", "", "T D:1 C:SELECT_1 Z:I"},
		{"idle in a transaction", "begin; insert into t values ('mark')", "", "%mark%", "", "E:40001 Z:E"},
		{"a write", "", "insert into t select pg_sleep(20) || 'busy1'", "%busy1%", "E:08007 Z:I", "T D:1 C:SELECT_1 Z:I"},
		{"in a transaction", "begin", "insert into t select pg_sleep(20) || 'busy2'", "%busy2%", "E:40001 Z:E", "E:25P02 Z:E"},
		{"pinned", "create temp table mark ()", "", "%temporary table%", "", "E:57P01 closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := r.raw()
			client.t = t
			client.send(mQuery("select 'mark'"))
			client.until('Z')
			if c.begin != "" {
				client.send(mQuery(c.begin))
				client.until('Z')
			}
			if c.busy != "" {
				client.send(mQuery(c.busy))
			}
			kill(t, c.like)
			if c.want != "" {
				client.want(1, c.want)
			}
			if c.name == "pinned" {
				if got := client.until('!'); got != c.after {
					t.Errorf("got %s", got)
				}
				return
			}
			client.do("select 1", c.after)
			client.send(join(mParse("", "rollback"), mDescribe('S', ""), mSync(), mBind("", ""), mExecute("", 0), mSync()))
			client.want(2, "1 t n Z:"+c.after[len(c.after)-1:]+" 2 C:ROLLBACK Z:I")
			client.do("select 1", "T D:1 C:SELECT_1 Z:I")
		})
	}
}

// Ensure that a session of session mode keeps its server, and leaves it clean.
func TestSessionMode(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, n *int) {
		s.Auth, s.Mode, p.Size, *n = config.AuthTrust, config.PoolSession, 1, 2
	})
	c := r.raw()
	c.do("create temp table mine ()", "C:CREATE_TABLE Z:I")
	c.do("select * from mine", "T C:SELECT_0 Z:I")
	c.send(mTerminate())
	r.raw().do("select * from mine", "E:42P01 Z:I")
}

// Ensure that pipelined reads and writes, for two nodes, are answered in order.
func TestPipelineOverNodes(t *testing.T) {
	for _, loops := range []int{1, 2} {
		r := newRig(t, 1, func(s *Config, p *pool.Config, n *int) { s.Auth, p.Size, *n = config.AuthTrust, 2, loops })
		r.cluster.Exec(0, "create table counter (n int)")
		r.cluster.Exec(0, "insert into counter values (0)")
		r.cluster.AwaitCaughtUp(0, 1)
		clients := []*raw{r.raw(), r.raw(), r.raw()}
		var send []byte
		var want []string
		for i := range 60 {
			send = append(send, join(mParse(fmt.Sprint("p", i), "select $1::text"), mBind("", fmt.Sprint("p", i), fmt.Sprint(i)), mExecute("", 0), mSync())...)
			want = append(want, fmt.Sprintf("1 2 D:%d C:SELECT_1 Z:I", i))
			if i%3 == 0 {
				send = append(send, join(mQuery("update counter set n = n + 1"), mBind("", "p0", "again"), mExecute("", 0), mSync())...)
				want = append(want, "C:UPDATE_1 Z:I", "2 D:again C:SELECT_1 Z:I")
			}
		}
		for _, c := range clients {
			c.send(send)
		}
		for _, c := range clients {
			c.want(100, strings.Join(want, " "))
		}
		clients[0].do("/*pgherd: primary*/ select n from counter", "T D:60 C:SELECT_1 Z:I")
	}
}

// Ensure that a pin does not tie a session to a node that takes no writes.
func TestPinsAreOnThePrimary(t *testing.T) {
	r := newRig(t, 1, func(s *Config, _ *pool.Config, _ *int) { s.Auth = config.AuthTrust })
	r.cluster.Exec(0, "create table t (a text)")
	r.cluster.AwaitCaughtUp(0, 1)
	c := r.raw()
	c.do("select 1", "T D:1 C:SELECT_1 Z:I")
	c.do("set role bench", "C:SET Z:I")
	c.do("insert into t values ('x')", "C:INSERT_0_1 Z:I")
	flushed := r.raw()
	flushed.send(join(one("select 1"), mFlush()))
	flushed.until('C')
	flushed.send(join(one("insert into t values ('y')"), mSync()))
	flushed.want(1, "1 2 C:INSERT_0_1 Z:I")
}

// Ensure that a client that asks and never reads is made to wait, not buffered for.
func TestFloodIsHeldBack(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	flood := bytes.Repeat(mSync(), 10000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	for sent := 0; sent < 100<<20; sent += len(flood) {
		if _, err := c.conn.Write(flood); err != nil {
			break
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d bytes were allocated for answers that nobody reads", used)
	}
	r.raw().do("select 1", "T D:1 C:SELECT_1 Z:I")
}
