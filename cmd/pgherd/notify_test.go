package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServiceManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	heard := func() string {
		b := make([]byte, 4096)
		if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	m, err := managerOf()
	if err != nil {
		t.Fatal(err)
	}
	if left, ok := os.LookupEnv("NOTIFY_SOCKET"); ok {
		t.Errorf("commands inherit NOTIFY_SOCKET=%s", left)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{m.ready("two\nlines"), "READY=1\nSTATUS=two; lines"},
		{m.ending("bye"), "STATUS=bye"},
		{m.reloading(), "RELOADING=1\nMONOTONIC_USEC="},
	} {
		if c.err != nil {
			t.Fatal(c.err)
		}
		if got := heard(); !strings.HasPrefix(got, c.want) {
			t.Errorf("told %q, want %q", got, c.want)
		}
	}
	if err := (serviceManager{}).ready(""); err != nil {
		t.Errorf("nobody listens, and that is an error: %v", err)
	}
}
