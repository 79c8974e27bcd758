package reactor

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Ensure that OpenSSL's key updates, one of them with a request for ours, do not
// disturb the data around them.
func testKeyUpdates(t *testing.T, m Method) {
	l := start(t, 1, m, mustPanicNot(t)).Loops()[0]
	fd, peer := startOpenSSL(t)
	done := secured(t, l, fd, func(task *Task, c *Conn) {
		b := make([]byte, 4)
		for range 3 {
			if err := task.ReadFull(c, b, time.Now().Add(20*time.Second)); err != nil {
				t.Error(err)
			}
			if err := task.Write(c, b, time.Time{}); err != nil {
				t.Error(err)
			}
			if n, err := c.TryRead(b[:1]); n != 0 || err != nil {
				t.Errorf("%d bytes too many, %v", n, err)
			}
			next, ok := map[string][2]string{"one\n": {"K\n", "two\n"}, "two\n": {"k\n", "six\n"}}[string(b)]
			if !ok {
				break
			}
			_, _ = peer.in.Write([]byte(next[0]))
			for peer.told.Scan() && peer.told.Text() != "KEYUPDATE" { // until then, what follows would be one line with it
			}
			if n, err := silent(task, c); n != 0 || err != nil {
				t.Errorf("a key update reads as %d bytes, %v", n, err)
			}
			_, _ = peer.in.Write([]byte(next[1]))
		}
		c.Close()
	})
	_, _ = peer.in.Write([]byte("one\n"))
	<-done
	_ = peer.cmd.Wait() // its status says how the connection ended
	if peer.answer.String() != "one\ntwo\nsix\n" {
		t.Errorf("openssl received %q", peer.answer.String())
	}
}

// opensslClient is OpenSSL's s_client at work. It sends what is written to in, but for
// the lines K and k, which make it update its keys.
type opensslClient struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	told   *bufio.Scanner  // what it says of itself
	answer strings.Builder // what it has received; complete when cmd has ended
}

// startOpenSSL is an s_client, and the descriptor of the connection that it has made.
func startOpenSSL(t *testing.T) (fd int, peer *opensslClient) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer = &opensslClient{cmd: exec.Command("openssl", "s_client", "-quiet", "-no_ign_eof", "-tls1_3", "-connect", ln.Addr().String())}
	peer.cmd.Stdout = &peer.answer
	if peer.in, err = peer.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stderr, err := peer.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	peer.told = bufio.NewScanner(stderr)
	if err := peer.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if fd, err = Descriptor(conn); err != nil {
		t.Fatal(err)
	}
	return fd, peer
}

// silent waits for something on the socket and reads what it is for the user.
func silent(task *Task, c *Conn) (int, error) {
	for !c.Readable() {
		if !task.Wait(time.Now().Add(20 * time.Second)) {
			return 0, ErrTimeout
		}
	}
	return c.TryRead(make([]byte, 16))
}
