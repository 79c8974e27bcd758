package certs

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Ensure that files which do not do are told apart, and that nothing of a key is
// in the error. That good ones work is tested where connections are.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	junk := write("junk", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
	missing := filepath.Join(dir, "missing")
	for _, c := range []struct {
		files Files
		want  string
	}{
		{Files{Cert: missing, Key: missing}, "no such file"},
		{Files{Cert: junk, Key: junk}, "certificate " + junk},
		{Files{CA: missing}, "ca_file: open"},
		{Files{CA: junk}, "ca_file: there is no certificate in"},
	} {
		_, err := OpenNodes(c.files, tls.VersionTLS12)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%+v: got %v, want %q", c.files, err, c.want)
		}
	}
	if _, err := OpenClients(Prefer, Files{}, tls.VersionTLS12); err == nil {
		t.Error("clients without a certificate to see pass")
	}
}

// Ensure that only verify-full trusts crypto/tls to check the host's name, and
// that verify-ca checks the rest.
func TestNodesConfig(t *testing.T) {
	n, err := OpenNodes(Files{}, tls.VersionTLS13)
	if err != nil {
		t.Fatal(err)
	}
	for mode := Disable; mode <= VerifyFull; mode++ {
		c := n.Config(mode, "db1")
		if c.InsecureSkipVerify != (mode != VerifyFull) || (c.VerifyConnection != nil) != (mode == VerifyCA) {
			t.Errorf("%s: skip %v, own check %v", mode, c.InsecureSkipVerify, c.VerifyConnection != nil)
		}
		if c.ServerName != "db1" || c.MinVersion != tls.VersionTLS13 {
			t.Errorf("%s: %q, %x", mode, c.ServerName, c.MinVersion)
		}
	}
}
