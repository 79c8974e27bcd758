package server

import (
	"bufio"
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// Ensure that connections that never log in keep nobody out, whatever they have said,
// and that there is an end to their number.
func TestSilentClients(t *testing.T) {
	r := newRig(t, 0, func(s *Config, _ *pool.Config, n *int) { s.Auth, s.MaxClients, *n = config.AuthScramSHA256, 4, 2 })
	var crowd []*raw
	for i := range 3 * fewestLogins {
		c := r.dialRaw()
		switch i % 3 {
		case 1:
			c.send([]byte{0, 0})
		case 2: // it gets a question that it does not answer
			c.send(wire.AppendStartup(nil, "user", "bench", "database", "bench"))
		}
		crowd = append(crowd, c)
	}
	for range 4 {
		r.connect()
	}
	await(t, func() bool { return r.server.clients.Load() <= fewestLogins+4 })
	if _, err := pgx.Connect(t.Context(), r.dsn()); code(err) != "53300" {
		t.Errorf("the fifth client: %v", err)
	}
	if got := crowd[0].next(); got != "closed" {
		t.Errorf("who came first got %s", got)
	}
	last := crowd[len(crowd)-1]
	if got := last.next(); got != "R" {
		t.Errorf("who came last got %s", got)
	}
}

// Ensure that what a client asks for without waiting is taken only as far as it is
// answered: behind a statement that takes long, and within a batch that does not end.
func TestEndlessPipeline(t *testing.T) {
	const frames = 1_000_000
	r := single(t, 1, 2)
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := r.raw()
	c.send(one("select pg_sleep(1)"))
	closes := bytes.Repeat(mClose('S', ""), 1000)
	closes = append(closes, bytes.Repeat(mClose('S', "x"), 1000)...)
	sent := make(chan error, 1)
	go func() {
		for range frames / 2000 {
			if _, err := c.conn.Write(closes); err != nil {
				sent <- err
				return
			}
		}
		_, err := c.conn.Write(mSync())
		sent <- err
	}()
	r.raw().do("select pg_sleep(0.5)", "T D: C:SELECT_1 Z:I")
	runtime.ReadMemStats(&during)
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("%d bytes more in use", grown)
	}
	in := bufio.NewReader(c.conn)
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	closed := 0
	for typ := byte(0); typ != wire.ReadyForQuery; {
		var head [wire.HeaderLen]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			t.Fatalf("after %d answers: %v", closed, err)
		}
		var size int
		typ, size = wire.Peek(head[:])
		_, _ = in.Discard(size - wire.HeaderLen)
		if typ == wire.CloseComplete {
			closed++
		}
	}
	if err := <-sent; err != nil || closed != frames {
		t.Errorf("%d of %d answers, %v", closed, frames, err)
	}
}

// Ensure that what a stranger wants set is not looked at: it is said of a mistake there
// as little as it costs.
func TestSettingsOfStrangers(t *testing.T) {
	r := newRig(t, 0, nil)
	for password, want := range map[string]string{"wrong": "28P01", "bench": "0A000"} {
		if _, err := pgx.Connect(t.Context(), r.dsn("options=-x", "password="+password)); code(err) != want {
			t.Errorf("password %s: %v, want %s", password, err, want)
		}
	}
}
