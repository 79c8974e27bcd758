package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"time"
)

// Nodes is what nodes are shown, and asked for.
type Nodes struct {
	minimum uint16
	ciphers []uint16
	files   Files
	current atomic.Pointer[material]
}

// OpenNodes reads the files. minimum and ciphers are as for OpenClients.
func OpenNodes(files Files, minimum uint16, ciphers ...uint16) (*Nodes, error) {
	n := &Nodes{minimum: minimum, ciphers: ciphers, files: files}
	return n, n.Reload()
}

// Reload reads the files again. After an error the old ones stay in use.
func (n *Nodes) Reload() error {
	m, err := n.files.load()
	if err == nil {
		n.current.Store(m)
	}
	return err
}

// Config is for one connection to host, a name or an address.
func (n *Nodes) Config(mode Mode, host string) *tls.Config {
	m := n.current.Load()
	c := &tls.Config{
		ServerName: host, RootCAs: m.cas, MinVersion: n.minimum, CipherSuites: chosen(n.ciphers), NextProtos: []string{protocol},
		InsecureSkipVerify:          mode != VerifyFull,
		DynamicRecordSizingDisabled: true,
	}
	if len(m.own) > 0 {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &m.own[0], nil }
	}
	switch {
	case mode == VerifyCA:
		c.VerifyConnection = m.verifyCA
	case mode == VerifyFull && len(m.lists) > 0:
		c.VerifyConnection = func(s tls.ConnectionState) error { return m.notRevoked(s, s.VerifiedChains) }
	}
	return c
}

// verifyCA checks who signed the certificate, and whether it is in force, but not
// whose it is.
func (m *material) verifyCA(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the node has shown no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	chains, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: m.cas, Intermediates: between})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return m.notRevoked(s, chains)
}

// notRevoked looks a node's certificate up in the revocation lists, if there are any.
func (m *material) notRevoked(s tls.ConnectionState, chains [][]*x509.Certificate) error {
	if len(m.lists) == 0 {
		return nil
	}
	if err := m.inForce(chains, time.Now()); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}
