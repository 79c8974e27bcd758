package reactor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// selfSigned is a server's configuration with a certificate for nobody.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, DynamicRecordSizingDisabled: true}
}

func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// secured runs f as a task with the server's end of an encrypted connection, and
// returns a channel that is closed when f has ended.
func secured(t *testing.T, l *Loop, fd int, f func(*Task, *Conn)) <-chan struct{} {
	config, done := selfSigned(t), make(chan struct{})
	l.Post(func() {
		l.Go(func(task *Task) {
			defer close(done)
			c, err := l.NewConn(fd)
			if err != nil {
				t.Error(err)
				return
			}
			c.Attach(task)
			if err := task.Encrypt(c, config, nil, time.Now().Add(10*time.Second)); err != nil {
				t.Error(err)
				c.Close()
				return
			}
			f(task, c)
		})
	})
	return done
}

// Ensure that megabytes pass in both directions at once through small buffers.
func testEncryptedEcho(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	fd, out := pair(t)
	done := secured(t, l, fd, func(task *Task, c *Conn) {
		b := make([]byte, 10000)
		for {
			n, err := task.Read(c, b, time.Time{})
			if err == io.EOF {
				break
			}
			if err == nil {
				err = task.Write(c, b[:n], time.Time{})
			}
			if err != nil {
				t.Error(err)
				break
			}
		}
		if !c.Hung() {
			t.Error("close_notify does not count as hanging up")
		}
		c.Close()
	})
	client := tls.Client(out, trusting())
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	go func() {
		_, _ = client.Write(sent)
		_ = client.CloseWrite()
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	<-done
}

// Ensure that what is left inside the layer keeps the connection readable, and
// starts the handler, while the socket has nothing more.
func testPlaintextInsideTheLayer(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	fd, out := pair(t)
	got := make(chan byte, 3)
	done := secured(t, l, fd, func(task *Task, c *Conn) {
		var one func(*Task)
		one = func(task *Task) {
			var b [1]byte
			if n, err := c.TryRead(b[:]); n == 1 {
				got <- b[0]
			} else if err != nil {
				c.Close()
				return
			}
			c.Idle(one)
		}
		c.Idle(one)
	})
	client := tls.Client(out, trusting())
	if _, err := client.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	for _, want := range "abc" {
		select {
		case b := <-got:
			if b != byte(want) {
				t.Errorf("got %c, want %c", b, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%c stays inside", want)
		}
	}
	<-done
	client.Close()
}

// Ensure that a full socket stops TryWrite, and that what it had taken arrives
// when the peer reads, although nobody writes again.
func testFullSocketUnderTheLayer(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	fd, out := pair(t)
	taken := make(chan int, 1)
	done := secured(t, l, fd, func(task *Task, c *Conn) {
		total, chunk := 0, make([]byte, 100<<10)
		for {
			n, err := c.TryWrite(chunk)
			if err != nil {
				t.Error(err)
			}
			if total += n; n < len(chunk) {
				break
			}
		}
		if n, err := c.TryWrite(chunk); n != 0 || err != nil {
			t.Errorf("took %d more, %v", n, err)
		}
		if len(c.tls.owed) > maxPlaintext+1024 {
			t.Errorf("keeps %d bytes", len(c.tls.owed))
		}
		c.Idle(nil)
		taken <- total
	})
	client := tls.Client(out, trusting())
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	<-done
	_ = client.SetReadDeadline(time.Now().Add(20 * time.Second))
	want := <-taken
	if n, err := io.ReadFull(client, make([]byte, want)); err != nil {
		t.Errorf("%d bytes of %d arrived: %v", n, want, err)
	}
}

// Ensure that a handshake that comes in single bytes works, that garbage and
// silence fail, and that other tasks run meanwhile.
func testHandshakes(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	encrypt := func(fd int, limit time.Duration) <-chan error {
		config, result := selfSigned(t), make(chan error, 1)
		l.Post(func() {
			l.Go(func(task *Task) {
				c, err := l.NewConn(fd)
				if err == nil {
					c.Attach(task)
					err = task.Encrypt(c, config, nil, time.Now().Add(limit))
					c.Close()
				}
				result <- err
			})
		})
		return result
	}
	fd, out := pair(t)
	slow := encrypt(fd, time.Minute)
	fd, mute := pair(t)
	if err := <-encrypt(fd, 20*time.Millisecond); err != ErrTimeout {
		t.Errorf("silence: %v", err)
	}
	mute.Close()
	fd, noise := pair(t)
	if _, err := noise.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := <-encrypt(fd, 20*time.Second); !errors.As(err, &tls.RecordHeaderError{}) {
		t.Errorf("noise: %v", err)
	}
	if err := tls.Client(trickle{out}, trusting()).Handshake(); err != nil {
		t.Error(err)
	}
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// trickle writes byte by byte.
type trickle struct{ net.Conn }

func (c trickle) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// Ensure that a connection dialled in blocking style works in a loop, and that
// the session tickets which the server sends behind the handshake are no data.
func testSecureTakesOverADial(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	ln, err := tls.Listen("tcp", "127.0.0.1:0", selfSigned(t))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = io.ReadFull(c, make([]byte, 5))
		_, _ = c.Write([]byte("world"))
		accepted <- c
	}()
	raw, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	transport := &Transport{raw}
	client := tls.Client(transport, &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	fd, err := Descriptor(raw)
	if err != nil {
		t.Fatal(err)
	}
	on(l, func(task *Task) {
		c, err := l.NewConn(fd)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		c.Secure(client, transport)
		c.Attach(task)
		if !c.Readable() {
			t.Error("the layer may hold something, and does not say so")
		}
		b := make([]byte, 5)
		if err := task.Write(c, []byte("hello"), time.Time{}); err != nil {
			t.Error(err)
		}
		if err := task.ReadFull(c, b, time.Now().Add(20*time.Second)); err != nil || string(b) != "world" {
			t.Errorf("got %q, %v", b, err)
		}
	})
	server := <-accepted
	defer server.Close()
	_ = server.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("closing says %v instead of close_notify", err)
	}
}

func testDetachKeepsTheLayer(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	fd, out := pair(t)
	detached := make(chan net.Conn, 1)
	done := secured(t, l, fd, func(task *Task, c *Conn) {
		conn, err := c.Detach()
		if err != nil {
			t.Error(err)
		}
		detached <- conn
	})
	client := tls.Client(out, trusting())
	if _, err := client.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	<-done
	conn := <-detached
	defer conn.Close()
	b := make([]byte, 2)
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hi" {
		t.Errorf("got %q, %v", b, err)
	}
}
