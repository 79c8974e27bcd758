package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/host"
)

// SSHServer is an sshd on 127.0.0.1 for the user that the clusters' servers run
// as. It has keys of its own, and nobody else's configuration has a say.
type SSHServer struct {
	host.SSH
	Dir string // the user's

	t       testing.TB
	machine host.Machine
}

// SSHD starts an sshd, and stops it when the test ends.
func SSHD(t testing.TB) *SSHServer {
	t.Helper()
	Real(t)
	system, err := prepare()
	if err != nil {
		t.Fatalf("this test needs PostgreSQL: %v", err)
	}
	base, err := os.MkdirTemp(scratch(), "pgherd-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	s := &SSHServer{t: t, machine: system.machine, Dir: filepath.Join(base, "sshd")}
	s.must(os.Chmod(base, 0o755))
	s.must(s.machine.MkdirAll(s.Dir, 0o700))
	s.SSH = host.SSH{Host: "127.0.0.1", Port: FreePort(t), User: strings.TrimSpace(s.run("id", "-un")), ConnectTimeout: 20 * time.Second,
		IdentityFile: filepath.Join(base, "id_ed25519"), KnownHostsFile: filepath.Join(base, "known_hosts"),
		Options: []string{"GlobalKnownHostsFile=/dev/null"}, Socket: filepath.Join(base, "mux")}
	s.writeKeys()
	s.serve()
	return s
}

// Machine is what the server leads to; its connection ends with the test.
func (s *SSHServer) Machine() *host.Remote {
	s.t.Helper()
	r, err := host.Over(s.SSH)
	s.must(err)
	s.t.Cleanup(r.Close)
	return r
}

func (s *SSHServer) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// run runs a command as the servers' user.
func (s *SSHServer) run(path string, args ...string) string {
	s.t.Helper()
	out, err := s.machine.Run(s.t.Context(), host.Command{Path: path, Args: args})
	s.must(err)
	return string(out)
}

// writeKeys makes the server's key and the client's, and tells each about the other.
func (s *SSHServer) writeKeys() {
	s.t.Helper()
	key := s.file("host_key")
	s.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	s.trust(key + ".pub")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.IdentityFile).CombinedOutput(); err != nil {
		s.t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	public, err := os.ReadFile(s.IdentityFile + ".pub")
	s.must(err)
	s.must(s.machine.WriteFile(s.file("authorized_keys"), public, 0o600))
}

func (s *SSHServer) file(name string) string { return filepath.Join(s.Dir, name) }

// trust makes a public key the only one that the client knows of the server.
func (s *SSHServer) trust(file string) {
	s.t.Helper()
	public, err := s.machine.ReadFile(file)
	s.must(err)
	s.must(os.WriteFile(s.KnownHostsFile, fmt.Appendf(nil, "[%s]:%d %s", s.Host, s.Port, public), 0o600))
}

// TrustAnother has the client expect a host key that the server does not have.
func (s *SSHServer) TrustAnother() { s.trust(s.IdentityFile + ".pub") }

// Pid is the process that takes connections.
func (s *SSHServer) Pid() int {
	s.t.Helper()
	text, err := s.machine.ReadFile(s.file("pid"))
	s.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	s.must(err)
	return pid
}

// Kill ends the server and its connections, as when the machine is switched off.
func (s *SSHServer) Kill() {
	s.t.Helper()
	table := strings.Fields(s.run("ps", "-e", "-o", "pid=,ppid="))
	doomed := []string{strconv.Itoa(s.Pid())}
	for i := 0; i < len(doomed); i++ {
		for row := range slices.Chunk(table, 2) {
			if row[1] == doomed[i] {
				doomed = append(doomed, row[0])
			}
		}
	}
	s.run("kill", append([]string{"-KILL"}, doomed...)...)
}

func (s *SSHServer) serve() {
	s.t.Helper()
	config := fmt.Sprintf("ListenAddress %s\nPort %d\nHostKey %s\nAuthorizedKeysFile %s\n"+
		"StrictModes no\nUsePAM no\nPidFile %s\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
		s.Host, s.Port, s.file("host_key"), s.file("authorized_keys"), s.file("pid"))
	s.must(s.machine.WriteFile(s.file("sshd_config"), []byte(config), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var said strings.Builder
	wait.Go(func() {
		_, _ = s.machine.Run(ctx, host.Command{Path: "/usr/sbin/sshd", Args: []string{"-D", "-e", "-f", s.file("sshd_config")},
			Stderr: func(line string) { said.WriteString(line + "\n") }})
	})
	s.t.Cleanup(func() {
		stop()
		wait.Wait()
		if s.t.Failed() {
			s.t.Log("sshd said\n" + said.String())
		}
	})
	Await(s.t, 10*time.Second, "sshd (package openssh-server) to listen", func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}
