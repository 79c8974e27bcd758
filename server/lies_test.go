package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// lies are answers to a simple query that no node gives; more says whether they go on,
// for thirty megabytes.
var lies = []struct {
	name string
	says []byte
	more bool
}{
	{"garbage", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false},
	{"a length below its own", []byte{'D', 0, 0, 0, 3}, false},
	{"a length beyond belief", []byte{'D', 0xff, 0xff, 0xff, 0xff}, false},
	{"authentication", wire.AppendAuth(nil, wire.AuthCleartext, ""), false},
	{"another key", wire.AppendKeyData(nil, 1, []byte("1234")), false},
	{"another version", wire.AppendNegotiateVersion(nil, wire.Version30, nil), false},
	{"the answer to Parse", wire.AppendFrame(nil, wire.ParseComplete, ""), false},
	{"the answer to Describe", wire.AppendFrame(nil, wire.ParameterDescription, "\x00\x00"), false},
	{"replication", wire.AppendFrame(nil, wire.CopyBothResponse, "\x00\x00\x00"), false},
	{"a type that there is not", wire.AppendFrame(nil, '!', ""), false},
	{"a large one of them", append([]byte{'!', 0x10, 0, 0, 0}, make([]byte, 2<<20)...), false},
	{"readiness of no status", wire.AppendFrame(nil, wire.ReadyForQuery, "?"), false},
	{"readiness without a status", wire.AppendFrame(nil, wire.ReadyForQuery, ""), false},
	{"a large readiness", append([]byte{'Z', 0x10, 0, 0, 0}, make([]byte, 2<<20)...), false},
	{"an error as large as memory", append([]byte{'E', 0x3f, 0xff, 0xff, 0xff}, make([]byte, 2<<20)...), false},
	{"an error without fields, then nothing", wire.AppendFrame(wire.AppendFrame(nil, wire.ErrorResponse, ""), '!', ""), false},
	{"a parameter without an end", wire.AppendFrame(wire.AppendFrame(nil, wire.ParameterStatus, "TimeZone"), '!', ""), false},
	{"a notification without anything", wire.AppendFrame(wire.AppendFrame(nil, wire.NotificationResponse, ""), '!', ""), false},
	{"a row of minus one column", wire.AppendFrame(wire.AppendFrame(nil, wire.DataRow, "\xff\xff"), '!', ""), false},
	{"ready twice", wire.AppendReady(wire.AppendReady(nil, wire.TxIdle), wire.TxIdle), false},
	{"an answer that nobody has asked for, behind the end", wire.AppendFrame(wire.AppendReady(nil, wire.TxIdle), wire.DataRow, "\x00\x00"), false},
	{"an error that nobody has asked for, behind the end", wire.AppendError(wire.AppendReady(nil, wire.TxIdle), wire.Errorf("XX000", "stray")), false},
	{"a frame without an end", append([]byte{'D', 0x3f, 0, 0, 0}, make([]byte, 1000)...), true},
	{"parameters for ever", wire.AppendParameterStatus(nil, "TimeZone", strings.Repeat("x", 1000)), true},
	{"new parameters for ever", nil, true},
}

// liar is a node that tells lie n when it is asked for "lie n", and the truth else.
type liar struct {
	net.Listener
	clients sync.WaitGroup
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{Listener: ln}
	l.clients.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			l.clients.Go(func() { l.serve(c) })
		}
	})
	t.Cleanup(func() { // after the pools
		l.Close()
		l.clients.Wait()
	})
	return l
}

func (l *liar) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	startup, err := in.Peek(4)
	if err != nil {
		return
	}
	_, _ = in.Discard(int(startup[2])<<8 | int(startup[3]))
	answer := wire.AppendReady(wire.AppendKeyData(wire.AppendAuth(nil, wire.AuthOK, ""), 7, []byte("1234")), wire.TxIdle)
	for more := false; ; {
		_, err := c.Write(answer)
		for i := 0; more && err == nil && i < 30_000; i++ {
			if answer == nil {
				_, err = c.Write(wire.AppendParameterStatus(nil, strconv.Itoa(i), strings.Repeat("x", 1000)))
				continue
			}
			_, err = c.Write(answer)
		}
		if err != nil || more {
			return
		}
		var head [wire.HeaderLen]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		_, size := wire.Peek(head[:])
		body := make([]byte, size-wire.HeaderLen)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		answer, more = l.answer(string(bytes.TrimRight(body, "\x00")))
	}
}

func (l *liar) answer(sql string) (says []byte, more bool) {
	if n, ok := strings.CutPrefix(sql, "lie "); ok {
		i, _ := strconv.Atoi(n)
		return lies[i].says, lies[i].more
	}
	return wire.AppendReady(wire.AppendCommandComplete(nil, "TRUTH"), wire.TxIdle), false
}

// Ensure that a node that breaks the protocol costs its client the connection at most,
// that nothing of what it says out of turn reaches this or another client, and that
// nobody waits or fills the memory for it.
func TestLyingNode(t *testing.T) {
	l := newLiar(t)
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth = config.AuthTrust
		p.Nodes = []cluster.Node{{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}
	})
	for i, lie := range lies {
		c := r.raw()
		c.send(mQuery("lie " + strconv.Itoa(i)))
		if lie.more {
			var memory runtime.MemStats
			for range 20 {
				runtime.Gosched()
			}
			runtime.ReadMemStats(&memory)
			if memory.HeapInuse > 256<<20 {
				t.Errorf("%s: %d bytes in use", lie.name, memory.HeapInuse)
			}
			c.conn.Close()
		} else if heard := strings.Fields(c.until('Z')); !honest(heard) {
			t.Errorf("%s: the client heard %s", lie.name, heard)
		}
		c.conn.Close()
		other := r.raw()
		other.do("select 1", "C:TRUTH Z:I")
		other.conn.Close()
	}
}

// honest reports whether nothing among what a client has heard is out of turn.
func honest(heard []string) bool {
	return !slices.ContainsFunc(heard, func(s string) bool {
		return s[0] != 'E' && s[0] != 'Z' && s[0] != 'A' && s[0] != 'D' && s != "closed"
	})
}
