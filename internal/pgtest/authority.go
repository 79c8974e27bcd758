package pgtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/certs"
)

// Authority signs certificates for one test.
type Authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// NewAuthority makes an authority whose files go away with the test.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("pgherd test authority", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign})
	return a
}

// CAFile is the authority's own certificate.
func (a *Authority) CAFile() string { return filepath.Join(a.dir, "pgherd test authority.crt") }

// Issue makes a certificate with the common name, for hosts, which are names or
// addresses. The same name replaces the files.
func (a *Authority) Issue(name string, hosts ...string) certs.Files {
	a.t.Helper()
	c := &x509.Certificate{}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	a.sign(name, c)
	return certs.Files{Cert: filepath.Join(a.dir, name+".crt"), Key: filepath.Join(a.dir, name+".key"), CA: a.CAFile()}
}

// Revoke writes the authority's list of revoked certificates, which is in force
// until the given time, and returns its path.
func (a *Authority) Revoke(until time.Time, revoked ...certs.Files) string {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: until.Add(-time.Hour), NextUpdate: until}
	for _, f := range revoked {
		text, err := os.ReadFile(f.Cert)
		a.must(err)
		block, _ := pem.Decode(text)
		c, err := x509.ParseCertificate(block.Bytes)
		a.must(err)
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: list.ThisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	a.must(err)
	a.write("revoked.crl", "X509 CRL", der)
	return filepath.Join(a.dir, "revoked.crl")
}

// sign completes c and writes it; the authority's own is signed by itself.
func (a *Authority) sign(name string, c *x509.Certificate) (*x509.Certificate, crypto.Signer) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	c.Subject = pkix.Name{CommonName: name}
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<60))
	a.must(err)
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	issuer, signer := a.cert, a.key
	if issuer == nil {
		issuer, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), signer)
	a.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	a.must(err)
	a.write(name+".crt", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", secret)
	made, err := x509.ParseCertificate(der)
	a.must(err)
	return made, key
}

func (a *Authority) write(name, kind string, der []byte) {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	a.must(os.WriteFile(filepath.Join(a.dir, name), text, 0o600))
}

func (a *Authority) must(err error) {
	if err != nil {
		a.t.Helper()
		a.t.Fatal(err)
	}
}

// WithTLS makes every node offer encryption with a certificate for hosts, and
// check what certificates clients show.
func WithTLS(a *Authority, hosts ...string) Option {
	return func(o *options) {
		f := a.Issue("node", hosts...)
		for name, path := range map[string]string{"server.crt": f.Cert, "server.key": f.Key, "root.crt": f.CA} {
			text, err := os.ReadFile(path)
			a.must(err)
			WithFile(name, string(text))(o)
		}
		WithSetting("ssl", "on")(o)
		WithSetting("ssl_ca_file", "root.crt")(o)
	}
}
