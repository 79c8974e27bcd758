package server

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// socketDir is a directory for sockets that every user can reach: its name must
// be short.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgherd-socket-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Ensure that clients and nodes meet on Unix-domain sockets alone, whatever is
// asked of TCP, cancel requests included, and that the session knows its peer.
func TestUnixSockets(t *testing.T) {
	dir := socketDir(t)
	authority := pgtest.NewAuthority(t)
	clients, err := certs.OpenClients(certs.Require, authority.Issue("pgherd"), 0)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := certs.OpenNodes(certs.Files{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.TLS, s.SocketMode = clients, 0o750
		p.Nodes[0].Host = dir
		p.TLS = pool.TLS{Modes: []certs.Mode{certs.Require}, Certs: nodes}
	}, pgtest.WithSetting("unix_socket_directories", dir),
		pgtest.WithFile("pg_hba.conf", "local all all scram-sha-256\nhost all all all scram-sha-256\n"))
	dsn := "host=" + filepath.Dir(r.socket) + " port=9999 user=bench password=bench dbname=bench "
	out, err := exec.Command("psql", dsn+"sslmode=prefer", "-X", "-At", "-c", "select client_addr is null from pg_stat_activity where pid = pg_backend_pid()").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "t" {
		t.Errorf("psql: %v\n%s", err, out)
	}
	if info, err := os.Stat(r.socket); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("%v, %v", info, err)
	}
	c, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	r.cancels(c)
	peer := make(chan uint32, 10)
	r.server.shards[0].loop.Post(func() {
		for s := range r.server.shards[0].sessions {
			uid, err := s.conn.PeerUID()
			if err != nil {
				t.Error(err)
			}
			peer <- uid
		}
		close(peer)
	})
	for uid := range peer {
		if uid != uint32(os.Getuid()) {
			t.Errorf("the peer is user %d", uid)
		}
	}
}

// Ensure that a socket in use is left alone, one without an owner is taken, and
// that nothing stays behind.
func TestSocketFiles(t *testing.T) {
	dir := socketDir(t)
	path := filepath.Join(dir, ".s.PGSQL.9999")
	listen := func() (net.Listener, error) {
		ln, _, err := listenUnix(dir, "9999", 0o777)
		return ln, err
	}
	fails := func(want string) {
		t.Helper()
		if _, err := listen(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(err)
	fails("somebody answers there")
	stale.SetUnlinkOnClose(false)
	stale.Close()
	must(os.WriteFile(path+".lock", []byte("1\n"), 0o600))
	fails("process 1 holds " + path + ".lock")
	must(os.WriteFile(path+".lock", []byte(strconv.Itoa(1<<22+1)+"\n"), 0o600)) // beyond pid_max
	ln, err := listen()
	must(err)
	ln.Close()
	socketFile{path}.remove()
	must(os.WriteFile(path, nil, 0o600))
	fails("no socket")
	must(os.Remove(path))
	if left, _ := filepath.Glob(dir + "/.s*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestIPv6(t *testing.T) {
	r := newRig(t, 0, nil)
	_, port, err := net.SplitHostPort(r.server.Addresses()[1])
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("psql", "host=::1 port="+port+" user=bench password=bench dbname=bench", "-X", "-At", "-c", "select 6").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "6" {
		t.Errorf("psql: %v\n%s", err, out)
	}
}
