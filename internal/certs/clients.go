package certs

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
	"time"
)

// Clients is what clients are shown, and asked for.
type Clients struct {
	mode    Mode
	minimum uint16
	ciphers []uint16
	files   Files
	current atomic.Pointer[tls.Config]
}

// OpenClients reads the files. minimum is a version of crypto/tls, and ciphers are
// its suites for TLS 1.2; without any, it chooses.
func OpenClients(mode Mode, files Files, minimum uint16, ciphers ...uint16) (*Clients, error) {
	c := &Clients{mode: mode, minimum: minimum, ciphers: ciphers, files: files}
	return c, c.Reload()
}

// chosen are the suites as crypto/tls takes them: nil leaves the choice to it.
func chosen(ciphers []uint16) []uint16 {
	if len(ciphers) == 0 {
		return nil
	}
	return ciphers
}

// Required reports whether clients without encryption are refused.
func (c *Clients) Required() bool { return c.mode >= Require }

// Config is for a new connection. It has one certificate, with its Leaf, and
// must not be changed.
func (c *Clients) Config() *tls.Config { return c.current.Load() }

// Reload reads the files again. After an error the old ones stay in use.
func (c *Clients) Reload() error {
	m, err := c.files.load()
	if err != nil {
		return err
	}
	if len(m.own) == 0 {
		return errors.New("clients need to be shown a certificate: give cert_file and key_file")
	}
	config := &tls.Config{
		Certificates: m.own, ClientCAs: m.cas, ClientAuth: c.auth(m), MinVersion: c.minimum, CipherSuites: chosen(c.ciphers),
		NextProtos:             []string{protocol},
		SessionTicketsDisabled: true, // as PostgreSQL: its clients don't use them
		// Records are as large as what is written at once.
		DynamicRecordSizingDisabled: true,
	}
	if len(m.lists) > 0 {
		config.VerifyConnection = func(s tls.ConnectionState) error { return m.inForce(s.VerifiedChains, time.Now()) }
	}
	c.current.Store(config)
	return nil
}

// auth is what is asked of clients. A certificate that is shown is checked in
// any case, for "cert" authentication is built on that.
func (c *Clients) auth(m *material) tls.ClientAuthType {
	switch {
	case m.cas == nil:
		return tls.NoClientCert
	case c.mode >= VerifyCA:
		return tls.RequireAndVerifyClientCert
	}
	return tls.VerifyClientCertIfGiven
}
