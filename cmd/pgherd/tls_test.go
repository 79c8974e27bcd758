package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// Ensure that the configuration file's keys encrypt everything: applications,
// the console, servers, and what the engines connect for themselves.
func TestEncryptedThroughout(t *testing.T) {
	a := pgtest.NewAuthority(t)
	own := a.Issue("pgherd", "127.0.0.1")
	r := startRig(t, 0, `tls:
  client: {sslmode: require, cert_file: "`+own.Cert+`", key_file: "`+own.Key+`", min_version: TLSv1.3}
  server: {sslmode: verify-full, ca_file: "`+a.CAFile()+`"}
`, pgtest.WithTLS(a, "127.0.0.1"),
		pgtest.WithFile("pg_hba.conf", "host bench all all scram-sha-256\nhostssl postgres all all scram-sha-256\n"))
	const mine = "select ssl, (select bool_and(s.ssl) from pg_stat_ssl s join pg_stat_activity using (pid) where application_name like 'pgherd%') from pg_stat_ssl where pid = pg_backend_pid()"
	if out := strings.TrimSpace(r.mustPSQL("postgres", mine)); out != "t|t" {
		t.Errorf("servers and engines encrypted: %s", out)
	}
	if out := r.mustPSQL("pgpool", "SHOW POOL_NODES"); !strings.Contains(out, "primary") {
		t.Errorf("console: %s", out)
	}
	if conn, err := r.connect(t.Context(), "bench", "sslmode=disable"); err == nil {
		conn.Close(t.Context())
		t.Error("a client in plain text was let in")
	}
	a.Issue("pgherd", "127.0.0.1")
	if err := r.app.certs.Reload(); err != nil {
		t.Error(err)
	}
	r.write(own.Key, "nothing")
	if err := r.app.certs.Reload(); err == nil || !strings.Contains(err.Error(), "tls.client") {
		t.Errorf("a key that is none: %v", err)
	}
	conn, err := r.connect(t.Context(), "bench", "sslmode=verify-full sslrootcert='"+a.CAFile()+"'")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	pgtest.Await(t, 5*time.Second, "an answer", func() bool { return conn.Ping(t.Context()) == nil })
}
