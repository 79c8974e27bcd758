package pool

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/wire"
)

// knownSecret is the password of everybody.
type knownSecret struct{ noSecrets }

func (knownSecret) ServerSecret(string) (string, bool) { return "secret", true }

// impostor is somebody who listens where a node should, and says something once he has
// been sent a start-up packet.
func impostor(t *testing.T, say func(net.Conn)) *Pools {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 1024)) // the start-up packet
		say(c)
	}()
	p := New(Config{Nodes: []cluster.Node{{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port}}, Size: 1, ConnectTimeout: time.Minute, Loops: 1},
		knownSecret{}, observer{make(chan error, 10)}, hclog.NewNullLogger())
	t.Cleanup(func() {
		ln.Close()
		p.Close()
		<-ended
	})
	return p
}

var (
	authOK = wire.AppendAuth(nil, wire.AuthOK, "")
	ready  = wire.AppendReady(nil, wire.TxIdle)
)

// lies are what an impostor may say instead of what a node says, again and again if
// that is set, and what is held against it.
var lies = []struct {
	name  string
	says  []byte
	again bool
	want  string
}{
	{"garbage", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false, "during login"},
	{"a length below its own", []byte{'R', 0, 0, 0, 3}, false, "during login"},
	{"a length beyond belief", []byte{'R', 0xff, 0xff, 0xff, 0xff}, false, "during login"},
	{"a large frame", []byte{'S', 0x3f, 0, 0, 0}, false, "during login"},
	{"an authentication request without a code", wire.AppendFrame(nil, 'R', "\x00"), false, "protocol violation"},
	{"an unknown method", wire.AppendAuth(nil, 99, ""), false, "not supported"},
	{"readiness without authentication", ready, false, "without authentication"},
	{"authentication after authentication", slices.Concat(authOK, authOK), false, "after authentication"},
	{"a question for the password after authentication", slices.Concat(authOK, wire.AppendAuth(nil, wire.AuthCleartext, "")), false, "after authentication"},
	{"rows before readiness", slices.Concat(authOK, wire.AppendFrame(nil, 'D', "\x00\x00")), false, "during login"},
	{"an open transaction", slices.Concat(authOK, wire.AppendReady(nil, wire.TxActive)), false, "transaction status"},
	{"readiness without a status", slices.Concat(authOK, wire.AppendFrame(nil, 'Z', "")), false, "transaction status"},
	{"a key that is too short", slices.Concat(authOK, wire.AppendFrame(nil, 'K', "1234567")), false, "BackendKeyData"},
	{"a key that is too long", slices.Concat(authOK, wire.AppendFrame(nil, 'K', strings.Repeat("k", 300))), false, "BackendKeyData"},
	{"a parameter without a value", slices.Concat(authOK, wire.AppendFrame(nil, 'S', "name\x00value")), false, "ParameterStatus"},
	{"an md5 salt of no length", wire.AppendAuth(nil, wire.AuthMD5, ""), false, "md5 salt"},
	{"SCRAM's end at its beginning", wire.AppendAuth(nil, wire.AuthSASLFinal, "v=AAAA"), false, "out of order"},
	{"SCRAM's middle at its beginning", wire.AppendAuth(nil, wire.AuthSASLContinue, "r=x,s=eA==,i=1"), false, "out of order"},
	{"SCRAM that is called off", slices.Concat(wire.AppendAuth(nil, wire.AuthSASL, wire.ScramSHA256+"\x00\x00"), authOK), false, "did not prove"},
	{"a proof of nothing", slices.Concat(wire.AppendAuth(nil, wire.AuthSASL, wire.ScramSHA256+"\x00\x00"), wire.AppendAuth(nil, wire.AuthSASLFinal, "v=")), false, "did not prove"},
	{"another's nonce", slices.Concat(wire.AppendAuth(nil, wire.AuthSASL, wire.ScramSHA256+"\x00\x00"), wire.AppendAuth(nil, wire.AuthSASLContinue, "r=mine,s=eA==,i=4096")), false, "another SCRAM exchange"},
	{"iterations for a year", slices.Concat(wire.AppendAuth(nil, wire.AuthSASL, wire.ScramSHA256+"\x00\x00"), wire.AppendAuth(nil, wire.AuthSASLContinue, "r=mine,s=eA==,i=999999999")), false, "malformed SCRAM"},
	{"an error without fields", wire.AppendFrame(nil, 'E', ""), false, "XX000"},
	{"an error without an end", wire.AppendFrame(nil, 'E', "Mno end"), false, "XX000"},
	{"questions behind readiness", slices.Concat(authOK, ready, authOK), false, "behind ReadyForQuery"},
	{"a query's answer behind readiness", slices.Concat(authOK, ready, wire.AppendCommandComplete(nil, "SELECT 1")), false, "during login"},
	{"notices for ever", wire.AppendFrame(nil, 'N', "Mhello\x00\x00"), true, "timeout"},
}

// Ensure that a login to somebody who is no node, or a node out of its mind, fails in
// time, for the right reason, and without the password in clear.
func TestImpostors(t *testing.T) {
	for _, lie := range lies {
		t.Run(lie.name, func(t *testing.T) {
			t.Parallel()
			heard := make(chan string, 1)
			p := impostor(t, func(c net.Conn) {
				_, err := c.Write(lie.says)
				for lie.again && err == nil {
					_, err = c.Write(lie.says)
				}
				said, _ := io.ReadAll(c) // until it hangs up
				heard <- string(said)
			})
			if lie.again {
				changed := *p.config()
				changed.ConnectTimeout = 200 * time.Millisecond
				p.current.Store(&changed)
			}
			began := time.Now()
			d, err := p.DialDirect(Key{0, "db", "u"})
			if err == nil {
				d.Conn.Close()
				t.Fatal("it was let in")
			}
			var dial *DialError
			if !errors.As(err, &dial) || !strings.Contains(err.Error(), lie.want) || time.Since(began) > 20*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			if said := <-heard; strings.Contains(said, "secret") {
				t.Errorf("it was told %q", said)
			}
		})
	}
}

// Ensure that a node cannot fill the memory with parameters.
func TestEndlessParameters(t *testing.T) {
	p := impostor(t, func(c net.Conn) {
		_, err := c.Write(authOK)
		for i := 0; err == nil; i++ {
			_, err = c.Write(wire.AppendParameterStatus(nil, fmt.Sprint("p", i), strings.Repeat("x", 1000)))
		}
	})
	if _, err := p.DialDirect(Key{0, "db", "u"}); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("got %v", err)
	}
}
