package server

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/users"
)

// Ensure that a client whose certificate has been revoked is refused as soon as the
// list is read, and that a list that says nothing any more lets nobody in.
func TestRevokedCertificates(t *testing.T) {
	a := pgtest.NewAuthority(t)
	files, good, bad := a.Issue("pgherd", "127.0.0.1"), a.Issue("good"), a.Issue("bad")
	files.CRL = a.Revoke(time.Now().Add(time.Hour))
	clients, err := certs.OpenClients(certs.VerifyCA, files, tls.VersionTLS12)
	if err != nil {
		t.Fatal(err)
	}
	r := &tlsRig{newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.TLS = clients }), a, clients}
	check := func(f certs.Files, want bool) {
		t.Helper()
		out, err := r.psql(r.secure("sslcert='"+f.Cert+"'", "sslkey='"+f.Key+"'"), "-c", "select 'in'")
		if in := err == nil && out == "in"; in != want {
			t.Errorf("%s: %v\n%s", f.Cert, err, out)
		}
	}
	check(good, true)
	check(bad, true)
	a.Revoke(time.Now().Add(time.Hour), bad)
	if err := clients.Reload(); err != nil {
		t.Fatal(err)
	}
	check(good, true)
	check(bad, false)
	a.Revoke(time.Now().Add(-time.Second))
	if err := clients.Reload(); err != nil {
		t.Fatal(err)
	}
	check(good, false)
	if err := os.WriteFile(files.CRL, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := clients.Reload(); err == nil || !strings.Contains(err.Error(), "there is no revocation list in "+files.CRL) {
		t.Errorf("got %v", err)
	}
}

// Ensure that only the cipher suites that are listed serve for TLS 1.2.
func TestCiphers(t *testing.T) {
	const listed, other = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	a := pgtest.NewAuthority(t)
	clients, err := certs.OpenClients(certs.Require, a.Issue("pgherd", "127.0.0.1"), tls.VersionTLS12, listed)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.TLS = clients })
	for suite, want := range map[uint16]bool{listed: true, other: false} {
		conn, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"postgresql"},
			MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// Ensure that sslnegotiation=direct reaches a node that takes TLS at once, cancel
// requests too, and says what is wrong with one that does not know the protocol.
func TestDirectToNodes(t *testing.T) {
	for _, protocols := range [][]string{{"postgresql"}, nil} {
		a := pgtest.NewAuthority(t)
		nodes, err := certs.OpenNodes(certs.Files{CA: a.CAFile()}, tls.VersionTLS12)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, 0, func(_ *Config, p *pool.Config, _ *int) {
			p.Nodes = []cluster.Node{newer(t, a, p.Nodes[0], protocols)}
			p.TLS = pool.TLS{Modes: []certs.Mode{certs.VerifyFull}, Certs: nodes, Direct: true}
		})
		if protocols != nil {
			r.cancels(r.connect().PgConn())
			continue
		}
		out, err := (&tlsRig{rig: r}).psql(r.dsn(), "-c", "select 1")
		if err == nil || !strings.Contains(out, "the node does not know the ALPN protocol") {
			t.Errorf("psql: %v\n%s", err, out)
		}
	}
}

// newer puts direct TLS in front of a node, as PostgreSQL 17 has it.
func newer(t *testing.T, a *pgtest.Authority, n cluster.Node, protocols []string) cluster.Node {
	f := a.Issue("newer", "127.0.0.1")
	own, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: protocols})
	if err != nil {
		t.Fatal(err)
	}
	behind := n.Address()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { relay(t, conn, behind) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	host, port, _ := net.SplitHostPort(l.Addr().String())
	n.Host = host
	n.Port, _ = strconv.Atoi(port)
	return n
}

// relay passes bytes on until either side ends.
func relay(t *testing.T, conn net.Conn, address string) {
	defer conn.Close()
	node, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(conn, node)
		conn.Close()
	}()
	_, _ = io.Copy(node, conn)
	node.Close()
	<-done
}

// Ensure that a node whose certificate has been revoked is not used from when the list
// is read, whatever is looked at besides.
func TestRevokedNodes(t *testing.T) {
	a := pgtest.NewAuthority(t)
	files := certs.Files{CA: a.CAFile(), CRL: a.Revoke(time.Now().Add(time.Hour))}
	nodes, err := certs.OpenNodes(files, tls.VersionTLS12)
	if err != nil {
		t.Fatal(err)
	}
	on := pgtest.Cluster(t, 0, pgtest.WithTLS(a, "127.0.0.1"))
	for _, mode := range []certs.Mode{certs.VerifyCA, certs.VerifyFull} {
		a.Revoke(time.Now().Add(time.Hour))
		reload(t, nodes)
		r := newRigOn(t, on, func(_ *Config, p *pool.Config, _ *int) {
			p.TLS = pool.TLS{Modes: []certs.Mode{mode}, Certs: nodes}
		})
		out, err := (&tlsRig{rig: r}).psql(r.dsn(), "-c", "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
		if err != nil || out != "t" {
			t.Errorf("%s: %v\n%s", mode, err, out)
		}
		a.Revoke(time.Now().Add(time.Hour), certs.Files{Cert: filepath.Join(filepath.Dir(a.CAFile()), "node.crt")})
		reload(t, nodes)
		r.pools.Reconnect("")
		out, err = (&tlsRig{rig: r}).psql(r.dsn(), "-c", "select 1")
		if err == nil || !strings.Contains(out, "the certificate of CN=node has been revoked") {
			t.Errorf("%s, revoked: %v\n%s", mode, err, out)
		}
	}
}

func reload(t *testing.T, nodes *certs.Nodes) {
	t.Helper()
	if err := nodes.Reload(); err != nil {
		t.Fatal(err)
	}
}

// askForSecret runs an auth.query on a node.
func askForSecret(t *testing.T, node cluster.Node, as cluster.Credentials) error {
	t.Helper()
	board := cluster.NewBoard([]cluster.Node{node}, time.Now())
	s := board.Current().Clone()
	s.Nodes[0].Status = cluster.Up
	board.Publish(s)
	q := users.NewAuthQuery("select $1::text, 'secret'", as, board, hclog.NewNullLogger())
	defer q.Close()
	_, _, err := q.Secret(t.Context(), as.User)
	return err
}

// Ensure that what pgherd asks nodes for users' secrets and catalogs goes over connections
// that are encrypted as the configuration says.
func TestQuestionsAreEncrypted(t *testing.T) {
	on := pgtest.Cluster(t, 0) // without TLS
	node, as := on.Nodes()[0], cluster.Credentials{User: "bench", Password: "bench", Database: "bench"}
	for mode, want := range map[string]bool{"disable": true, "require": false} {
		node.SSL.Mode = mode
		err := askForSecret(t, node, as)
		conn, err2 := CatalogQuery{As: as}.connect(t.Context(), node, "bench")
		if err2 == nil {
			conn.Close(t.Context())
		}
		if (err == nil) != want || (err2 == nil) != want {
			t.Errorf("%s: auth.query: %v, catalog: %v", mode, err, err2)
		}
	}
}
