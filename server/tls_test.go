package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// tlsRig is a rig that encrypts on both sides, and believes in one authority.
type tlsRig struct {
	*rig
	authority *pgtest.Authority
	clients   *certs.Clients
}

// newTLSRig takes the mode in front of clients, and that towards the nodes.
func newTLSRig(t *testing.T, client, node certs.Mode, more ...func(*pgtest.Authority) pgtest.Option) *tlsRig {
	t.Helper()
	a := pgtest.NewAuthority(t)
	clients, err := certs.OpenClients(client, a.Issue("pgherd", "127.0.0.1"), tls.VersionTLS12)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := certs.OpenNodes(certs.Files{CA: a.CAFile()}, tls.VersionTLS12)
	if err != nil {
		t.Fatal(err)
	}
	options := []pgtest.Option{pgtest.WithTLS(a, "127.0.0.1")}
	for _, option := range more {
		options = append(options, option(a))
	}
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.TLS, p.TLS = clients, pool.TLS{Modes: []certs.Mode{node}, Certs: nodes}
		p.ConnectTimeout = time.Minute
	}, options...)
	return &tlsRig{r, a, clients}
}

// secure is a connection string that insists on everything.
func (r *tlsRig) secure(options ...string) string {
	return r.dsn(append([]string{"sslmode=verify-full sslrootcert='" + r.authority.CAFile() + "'"}, options...)...)
}

func (r *tlsRig) psql(dsn string, args ...string) (string, error) {
	cmd := exec.Command("psql", append([]string{dsn, "-X", "-At", "-v", "ON_ERROR_STOP=1"}, args...)...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (r *tlsRig) wants(want, dsn string, args ...string) {
	r.Helper()
	if out, err := r.psql(dsn, args...); err != nil || out != want {
		r.Errorf("psql %q: %v\n%.300s", args, err, out)
	}
}

const encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

// Ensure that psql and pgbench work with encryption on both sides, bound to the
// certificates, with more data than any buffer holds.
func TestEncryptedOnBothSides(t *testing.T) {
	r := newTLSRig(t, certs.Require, certs.VerifyFull)
	r.wants("t", r.secure("channel_binding=require"), "-c", encrypted)
	r.wants("t", r.secure("channel_binding=disable"), "-c", encrypted)
	r.wants("t", r.secure("ssl_max_protocol_version=TLSv1.2 channel_binding=require"), "-c", encrypted)

	out, err := r.psql(r.secure(), "-c", "select repeat('x', 1000000) from generate_series(1, 40)")
	if err != nil || len(out) != 40*1000001-1 {
		t.Errorf("large result: %d bytes, %v", len(out), err)
	}
	big := t.TempDir() + "/big"
	if err := os.WriteFile(big, []byte(strings.Repeat(strings.Repeat("y", 999)+"\n", 20000)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.wants("CREATE TABLE\nCOPY 20000\n19980000", r.secure(), "-c", "create table big (t text)",
		"-c", `\copy big from '`+big+`'`, "-c", "select sum(length(t)) from big")
	r.wants(strings.Repeat("y", 999), r.secure(), "-c", "select t from big limit 1")

	if out, err := exec.Command("pgbench", "-i", "-q", r.secure()).CombinedOutput(); err != nil {
		t.Fatalf("pgbench -i: %v\n%s", err, out)
	}
	for _, mode := range []string{"simple", "extended", "prepared"} {
		out, err := exec.Command("pgbench", "-n", "-c", "5", "-t", "30", "-M", mode, r.secure()).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "transactions actually processed: 150/150") {
			t.Errorf("pgbench -M %s: %v\n%s", mode, err, out)
		}
	}
}

// Ensure that a batch written while the server writes does not deadlock.
func TestEncryptedPipeline(t *testing.T) {
	r := newTLSRig(t, certs.Prefer, certs.Prefer)
	c, err := pgconn.Connect(t.Context(), r.secure())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	batch, value := &pgconn.Batch{}, []byte(strings.Repeat("z", 50000))
	for range 400 {
		batch.ExecParams("select $1::text", [][]byte{value}, nil, nil, nil)
	}
	results, err := c.ExecBatch(ctx, batch).ReadAll()
	if err != nil || len(results) != 400 || len(results[399].Rows[0][0]) != len(value) {
		t.Errorf("%d results, %v", len(results), err)
	}
}

// Ensure that each rung of the ladder in front of clients is what it says.
func TestClientSSLModes(t *testing.T) {
	for _, c := range []struct {
		mode   certs.Mode
		client string
		fails  string
	}{
		{certs.Allow, "sslmode=disable", ""},
		{certs.Prefer, "sslmode=require", ""},
		{certs.Require, "sslmode=require", ""},
		{certs.Require, "sslmode=disable", "accepts encrypted connections only"},
		{certs.VerifyFull, "sslmode=require sslcert=none", "certificate required"},
		{certs.VerifyFull, "sslmode=require CERT", ""},
	} {
		t.Run(fmt.Sprint(c.mode, " ", c.client), func(t *testing.T) {
			r := newTLSRig(t, c.mode, certs.Disable)
			f := r.authority.Issue("alice")
			client := strings.Replace(c.client, "CERT", "sslcert='"+f.Cert+"' sslkey='"+f.Key+"'", 1)
			out, err := r.psql(r.dsn(client), "-c", "select 1")
			if c.fails == "" && (err != nil || out != "1") || c.fails != "" && !strings.Contains(out, c.fails) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestTLSIsDeclinedWithoutCertificate(t *testing.T) {
	r := newRig(t, 0, nil)
	out, err := exec.Command("psql", r.dsn("sslmode=require"), "-c", "select 1").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "server does not support SSL") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.Command("psql", r.dsn("sslmode=prefer"), "-c", "select 1").CombinedOutput(); err != nil {
		t.Errorf("prefer: %v\n%s", err, out)
	}
}

// Ensure that each rung of the ladder towards the nodes is what it says, also
// where pg_hba.conf has something against it.
func TestNodeSSLModes(t *testing.T) {
	const hba = "host bench all all scram-sha-256\n" // the test itself
	const ssl, plain = "hostssl postgres all all scram-sha-256\n", "hostnossl postgres all all scram-sha-256\n"
	for _, c := range []struct {
		name string
		mode certs.Mode
		hba  string
		cert string // the host in the node's certificate
		want string // psql's answer, or part of the error
	}{
		{"disable", certs.Disable, plain + ssl, "127.0.0.1", "f"},
		{"allow", certs.Allow, plain + ssl, "127.0.0.1", "f"},
		{"allow, TLS asked for", certs.Allow, ssl, "127.0.0.1", "t"},
		{"prefer", certs.Prefer, plain + ssl, "127.0.0.1", "t"},
		{"prefer, TLS refused", certs.Prefer, plain, "127.0.0.1", "f"},
		{"require", certs.Require, plain + ssl, "elsewhere", "t"},
		{"verify-ca", certs.VerifyCA, ssl, "elsewhere", "t"},
		{"verify-full, another host", certs.VerifyFull, ssl, "elsewhere", "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTLSRig(t, certs.Allow, c.mode, func(a *pgtest.Authority) pgtest.Option { return pgtest.WithTLS(a, c.cert) },
				func(*pgtest.Authority) pgtest.Option { return pgtest.WithFile("pg_hba.conf", hba+c.hba) })
			out, _ := r.psql(r.dsn("dbname=postgres"), "-c", encrypted)
			if out != c.want && (len(c.want) == 1 || !strings.Contains(out, c.want)) {
				t.Errorf("got %s", out)
			}
		})
	}
}

// Ensure that plain text behind an SSLRequest never counts.
func TestPlainTextBehindSSLRequest(t *testing.T) {
	r := newTLSRig(t, certs.Prefer, certs.Disable)
	c := r.dialRaw()
	c.send(append(wire.AppendSSLRequest(nil), wire.AppendStartup(nil, "user", "bench")...))
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	answer, _ := io.ReadAll(c.conn)
	if !strings.Contains(string(answer), "unencrypted data") || strings.HasPrefix(string(answer), "S") {
		t.Errorf("answer: %q", answer)
	}
}

// Ensure that TLS without a request works with ALPN, and only with it.
func TestDirectTLS(t *testing.T) {
	r := newTLSRig(t, certs.Require, certs.Disable)
	for _, c := range []struct {
		protocols []string
		want      string
	}{
		{[]string{"postgresql"}, "R"},
		{nil, "08P01"},
		{[]string{"h2"}, "no application protocol"},
	} {
		conn, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: c.protocols})
		answer := fmt.Sprint(err)
		if err == nil {
			_, _ = conn.Write(wire.AppendStartup(nil, "user", "bench"))
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			b := make([]byte, 300)
			n, _ := conn.Read(b)
			answer = string(b[:n])
			conn.Close()
		}
		if !strings.Contains(answer, c.want) {
			t.Errorf("%q: answer %q, want %q", c.protocols, answer, c.want)
		}
	}
}

// Ensure that the session knows whose certificate the client has shown.
func TestClientCertificateIsKnown(t *testing.T) {
	r := newTLSRig(t, certs.Prefer, certs.Disable)
	f := r.authority.Issue("alice")
	connect := func(options string) *tlsFacts {
		c, err := pgconn.Connect(t.Context(), r.secure(options))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(context.Background())
		facts := make(chan *tlsFacts, 1)
		sh := r.server.shards[0]
		sh.loop.Post(func() {
			for s := range sh.sessions {
				facts <- s.tls
			}
		})
		return <-facts
	}
	if got := connect("sslcert='" + f.Cert + "' sslkey='" + f.Key + "'"); !got.verified || got.cn != "alice" || got.dn != "CN=alice" {
		t.Errorf("got %+v", got)
	}
	pgtest.Await(t, 20*time.Second, "the session to end", func() bool { return r.server.clients.Load() == 0 })
	if got := connect(""); got.verified || got.cn != "" || got.endPoint == nil {
		t.Errorf("without a certificate: %+v", got)
	}
	other := pgtest.NewAuthority(t).Issue("alice")
	if _, err := pgconn.Connect(t.Context(), r.secure("sslcert='"+other.Cert+"' sslkey='"+other.Key+"'")); err == nil {
		t.Error("somebody else's authority is believed")
	}
}

// Ensure that cancelling works when everything is encrypted.
func TestEncryptedCancel(t *testing.T) {
	r := newTLSRig(t, certs.Require, certs.Require)
	c, err := pgconn.Connect(t.Context(), r.secure())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	r.cancels(c)
}

// cancels asserts that a request of c's driver cancels what c runs.
func (r *rig) cancels(c *pgconn.PgConn) {
	r.Helper()
	t := r.T
	result := make(chan error, 1)
	go func() { result <- c.Exec(t.Context(), "select pg_sleep(60)").Close() }()
	busy := r.cluster.Conn(0)
	pgtest.Await(t, 20*time.Second, "the statement to run", func() bool {
		var n int
		err := busy.QueryRow(t.Context(), "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'").Scan(&n)
		return err == nil && n == 1
	})
	if err := c.CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	var told *pgconn.PgError
	if err := <-result; !errors.As(err, &told) || told.Code != "57014" {
		t.Errorf("got %v", err)
	}
}

// Ensure that a reload shows a new certificate, and that a bad one changes nothing.
func TestCertificatesAreReloaded(t *testing.T) {
	r := newTLSRig(t, certs.Require, certs.Disable)
	shown := func() *x509.Certificate {
		conn, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"postgresql"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0]
	}
	first := shown()
	f := r.authority.Issue("pgherd", "127.0.0.1")
	if err := r.clients.Reload(); err != nil {
		t.Fatal(err)
	}
	second := shown()
	if second.Equal(first) {
		t.Error("the old certificate is shown")
	}
	if err := os.WriteFile(f.Key, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r.clients.Reload() == nil {
		t.Error("a key that is none is taken")
	}
	if !shown().Equal(second) {
		t.Error("the last good certificate is gone")
	}
}

// Ensure that clients which stop in the middle of a handshake take nothing from
// the others.
func TestStalledHandshakes(t *testing.T) {
	r := newTLSRig(t, certs.Require, certs.Disable)
	for range 50 {
		c := r.dialRaw()
		c.send(wire.AppendSSLRequest(nil))
		var s [1]byte
		if _, err := io.ReadFull(c.conn, s[:]); err != nil || s[0] != 'S' {
			t.Fatalf("%c, %v", s[0], err)
		}
		c.send([]byte{0x16, 3, 1, 2, 0, 1, 0})
	}
	r.wants("1", r.secure(), "-c", "select 1")
}
