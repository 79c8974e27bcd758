package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// protocol is the only one there is, by ALPN (PostgreSQL 17).
const protocol = "postgresql"

// Files are paths of files in PEM form; "" for none. Cert and Key come together.
type Files struct {
	Cert, Key string
	CA        string
	CRL       string
}

// material is what Files held.
type material struct {
	own []tls.Certificate // one or none
	cas *x509.CertPool    // nil for none

	lists []*x509.RevocationList
}

func (f Files) load() (*material, error) {
	m := &material{}
	if f.Cert != "" {
		own, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
		}
		m.own = []tls.Certificate{own}
	}
	if f.CA == "" {
		return m, nil
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	m.cas = x509.NewCertPool()
	if !m.cas.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: there is no certificate in %s", f.CA)
	}
	if f.CRL != "" {
		m.lists, err = loadLists(f.CRL)
	}
	return m, err
}
