package server

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/wire"
)

// mCall calls the function with an oid, in text format.
func mCall(oid uint32, values ...string) []byte {
	b := binary.BigEndian.AppendUint32(nil, oid)
	b = append(b, 0, 0) // all in text
	b = binary.BigEndian.AppendUint16(b, uint16(len(values)))
	for _, v := range values {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return wire.AppendFrame(nil, wire.FunctionCall, append(b, 0, 0))
}

// mBindCount claims n parameters and brings m.
func mBindCount(n, m int) []byte {
	b := append([]byte(nil), 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	for range m {
		b = append(b, 0, 0, 0, 1, '1')
	}
	return wire.AppendFrame(nil, wire.Bind, append(b, 0, 0))
}

// rarities are exchanges that few drivers know.
func rarities() []exchange {
	const int4pl, intDiv = 177, 154
	many := make([]string, 65535)
	for i := range many {
		many[i] = fmt.Sprintf("$%d::int", i+1)
	}
	sum := "select array_length(array[" + strings.Join(many, ",") + "], 1)"
	return []exchange{
		{"function calls", []step{
			{mCall(int4pl, "40", "2"), "V Z:I"},
			{mCall(intDiv, "1", "0"), "E:22012 Z:I"},
			{mCall(1), "E:42883 Z:I"},
			{join(mCall(int4pl, "1", "2"), mQuery("select 1")), "V Z:I T D:1 C:SELECT_1 Z:I"}}},
		{"65535 parameters", []step{
			{join(mParse("", sum), mBindCount(65535, 65535), mExecute("", 0), mSync()), "1 2 D:65535 C:SELECT_1 Z:I"}}},
		{"more parameters than are said", []step{
			{join(mParse("", "select $1::int"), mBindCount(1, 1000000), mExecute("", 0), mSync()), "1 E:08P01 Z:I"},
			{mQuery("select 1"), "T D:1 C:SELECT_1 Z:I"}}},
		{"fewer parameters than are said", []step{
			{join(mParse("", "select $1::int"), mBindCount(30000, 1), mExecute("", 0), mSync()), "1 E:08P01 Z:I"},
			{mQuery("select 1"), "T D:1 C:SELECT_1 Z:I"}}},
		{"a pipeline of errors", []step{
			{join(one("select 1"), one("select 1/0"), one("select 2"), mSync(), one("select 3"), mSync(), one("selec"), mSync(), mQuery("select 4")),
				"1 2 D:1 C:SELECT_1 1 E:22012 Z:I 1 2 D:3 C:SELECT_1 Z:I E:42601 Z:I T D:4 C:SELECT_1 Z:I"}}},
		{"many statements in one", []step{
			{mQuery("select 1; insert into t values ('m'); select 2, 3; begin; select 4; commit; select 1/0; select 5"),
				"T D:1 C:SELECT_1 C:INSERT_0_1 T D:2,3 C:SELECT_1 C:BEGIN T D:4 C:SELECT_1 C:COMMIT E:22012 Z:I"},
			{mQuery("copy t from stdin; select 1; copy (select 'x') to stdout"), "G"},
			{join(mData("y\n"), mDone()), "C:COPY_1 T D:1 C:SELECT_1 H d c C:COPY_1 Z:I"}}},
		{"flush after each message", []step{
			{join(mParse("", "select generate_series(1, 4)"), mFlush()), "1"},
			{join(mBind("", ""), mFlush()), "2"},
			{join(mDescribe('P', ""), mFlush()), "T"},
			{join(mExecute("", 3), mFlush()), "D:1 D:2 D:3 s"},
			{join(mExecute("", 3), mFlush()), "D:4 C:SELECT_1"},
			{mSync(), "Z:I"}}},
		{"two portals in turn", []step{
			{mQuery("begin"), "C:BEGIN Z:T"},
			{join(mParse("g", "select generate_series($1::int, $1::int + 2)"), mBind("a", "g", "10"), mBind("b", "g", "20"), mExecute("a", 1), mExecute("b", 2), mExecute("a", 5), mSync()),
				"1 2 2 D:10 s D:20 D:21 s D:11 D:12 C:SELECT_2 Z:T"},
			{join(mExecute("b", 0), mClose('S', "g"), mSync()), "D:22 C:SELECT_1 3 Z:T"},
			{mQuery("commit"), "C:COMMIT Z:I"}}},
		{"notifications to oneself", []step{
			{mQuery("listen rare"), "C:LISTEN Z:I"},
			{mQuery("notify rare, 'one'"), "C:NOTIFY A Z:I"},
			{join(mQuery("begin"), mQuery("notify rare"), mQuery("select 1"), mQuery("commit")),
				"C:BEGIN Z:T C:NOTIFY Z:T T D:1 C:SELECT_1 Z:T C:COMMIT A Z:I"},
			{mQuery("unlisten *"), "C:UNLISTEN Z:I"},
			{mQuery("discard all"), "C:DISCARD_ALL Z:I"}}},
	}
}

// Ensure that what few drivers use is answered as PostgreSQL answers it: the
// same expectations hold on a direct connection.
func TestRarities(t *testing.T) {
	r := single(t, 2, 1)
	secret, _ := r.server.users.ServerSecret("bench")
	direct := *r
	direct.addr = r.cluster.Node(0).Address()
	for _, x := range rarities() {
		t.Run(x.name, func(t *testing.T) {
			c := direct.dialRaw()
			c.t = t
			c.login("bench", secret, "bench")
			x.run(c, whole)
			c.conn.Close()
			c = r.raw()
			c.t = t
			x.run(c, whole)
			c.conn.Close()
		})
	}
}

// Ensure that there is exactly one answer to what a client wants of the
// protocol and we don't have.
func TestNegotiation(t *testing.T) {
	r := single(t, 1, 1)
	for _, c := range []struct {
		name    string
		version uint32
		options []string
		want    string // of NegotiateProtocolVersion
	}{
		{"a version to come", 3<<16 | 7, nil, "3.2 []"},
		{"3.1", 3<<16 | 1, nil, "3.0 []"},
		{"options", wire.Version32, []string{"_pq_.b", "1", "_pq_.a", "x"}, "3.2 [_pq_.b _pq_.a]"},
		{"both", 3<<16 | 9999, []string{"_pq_.test_protocol_negotiation", ""}, "3.2 [_pq_.test_protocol_negotiation]"},
	} {
		client := r.dialRaw()
		packet := wire.AppendStartup(nil, append([]string{"user", "bench", "database", "bench"}, c.options...)...)
		binary.BigEndian.PutUint32(packet[4:], c.version)
		client.send(packet)
		typ, body, err := client.frame()
		if err != nil || typ != wire.NegotiateVersion {
			t.Fatalf("%s: got %q, %v", c.name, typ, err)
		}
		names := strings.Split(strings.TrimRight(string(body[8:]), "\x00"), "\x00")
		if names[0] == "" {
			names = nil
		}
		got := fmt.Sprintf("%d.%d %v", binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:]), names)
		if n := int(binary.BigEndian.Uint32(body[4:])); got != c.want || n != len(names) {
			t.Errorf("%s: got %s (%d names), want %s", c.name, got, n, c.want)
		}
		if got := client.until('Z'); got != "R Z:I" {
			t.Errorf("%s: then %s", c.name, got)
		}
	}
}

// Ensure that a value of hundreds of megabytes passes both ways while the heap
// stays small.
func TestHugeValue(t *testing.T) {
	const size = 200 << 20
	r := single(t, 1, 1)
	c := r.raw()
	c.do("select 1", "T D:1 C:SELECT_1 Z:I")
	peak := watchHeap(t)
	c.send(mQuery("select repeat('x', 209715200)"))
	if n := c.skipTo(wire.DataRow); n != 2+4+size {
		t.Errorf("a row of %d bytes", n)
	}
	c.want(1, "C:SELECT_1 Z:I")
	c.send(mParse("", "select length($1)"))
	head, at := wire.Begin(nil, wire.Bind)
	head = append(head, 0, 0, 0, 0, 0, 1)
	head = binary.BigEndian.AppendUint32(head, size)
	setLength(head[at:], len(head)-1+size+2)
	c.send(head)
	block := bytes.Repeat([]byte("y"), 1<<20)
	for range size >> 20 {
		c.send(block)
	}
	c.send([]byte{0, 0}, mExecute("", 0), mSync())
	c.until('1')
	if got := c.answers(1); got != fmt.Sprintf("2 D:%d C:SELECT_1 Z:I", size) {
		t.Errorf("got %s", got)
	}
	if used := peak(); used > 32<<20 {
		t.Errorf("the heap has grown by %d MB to pass %d on", used>>20, size>>20)
	}
}

// skipTo reads up to the next frame of a type and throws it away; it returns the
// length of its body.
func (c *raw) skipTo(typ byte) int64 {
	c.t.Helper()
	for {
		_ = c.conn.SetReadDeadline(time.Now().Add(patience))
		var head [wire.HeaderLen]byte
		if _, err := io.ReadFull(c.conn, head[:]); err != nil {
			c.t.Fatal(err)
		}
		got, size := wire.Peek(head[:])
		n, err := io.CopyN(io.Discard, c.conn, int64(size-wire.HeaderLen))
		if err != nil {
			c.t.Fatal(err)
		}
		if got == typ {
			return n
		}
	}
}

// watchHeap returns what says how much the heap has grown at most since.
func watchHeap(t *testing.T) func() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, peak := m.HeapInuse, m.HeapInuse
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
		}
	})
	end := sync.OnceFunc(func() { close(stop); wg.Wait() })
	t.Cleanup(end)
	return func() uint64 { end(); return peak - base }
}

// Ensure that a batch that is larger than all buffers on the way, whose answers
// are too, is carried out while both are under way.
func TestBigBatch(t *testing.T) {
	const n = 3000
	r := single(t, 1, 1)
	value := strings.Repeat("v", 4000)
	for _, b := range []struct {
		name      string
		item, end []byte
	}{
		{"extended", join(mBind("", "big", value), mExecute("", 0)), mSync()},
		{"a query each", mQuery("select '" + value + "'"), nil},
	} {
		c := r.raw()
		c.send(join(mParse("big", "select $1::text"), mSync()))
		c.want(1, "1 Z:I")
		sent := make(chan error, 1)
		go func() {
			_, err := c.conn.Write(append(bytes.Repeat(b.item, n), b.end...))
			sent <- err
		}()
		rows := 0
		for rows < n {
			typ, body, err := c.frame()
			if err != nil {
				t.Fatalf("%s: after %d answers: %v", b.name, rows, err)
			}
			if typ == wire.DataRow {
				if got := rowValues(body)[0]; got != value {
					t.Fatalf("%s: row %d is %.20q", b.name, rows, got)
				}
				rows++
			}
		}
		if err := <-sent; err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
		c.conn.Close()
	}
}
