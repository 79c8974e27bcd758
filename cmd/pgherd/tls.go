package main

import (
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/pgherd/pgherd/internal/certs"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// certificates are both sides', as far as there are any.
type certificates struct {
	clients *certs.Clients // nil when clients are not encrypted
	nodes   *certs.Nodes
}

func openCertificates(c config.TLS) (certificates, error) {
	var both certificates
	var clientErr, nodeErr error
	if c.Client.SSLMode != config.SSLDisable {
		both.clients, clientErr = certs.OpenClients(certs.Mode(c.Client.SSLMode), filesOf(c.Client), versionOf(c.Client), c.Client.CipherSuites()...)
	}
	both.nodes, nodeErr = certs.OpenNodes(filesOf(c.Server.TLSSide), versionOf(c.Server.TLSSide), c.Server.CipherSuites()...)
	return both, errors.Join(about("tls.client", clientErr), about("tls.server", nodeErr))
}

func about(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}

// Reload reads the certificates again, for connections made from now on. Of a
// side whose files do not fit the old ones stay in use.
func (c certificates) Reload() error {
	var clientErr error
	if c.clients != nil {
		clientErr = about("tls.client", c.clients.Reload())
	}
	return errors.Join(clientErr, about("tls.server", c.nodes.Reload()))
}

func filesOf(s config.TLSSide) certs.Files {
	return certs.Files{Cert: s.CertFile, Key: s.KeyFile, CA: s.CAFile, CRL: s.CRLFile}
}

func versionOf(s config.TLSSide) uint16 {
	if s.MinVersion == config.TLS13 {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

// sslOf is how pgherd's own connections to a node are encrypted.
func sslOf(c config.TLS, n config.Node) cluster.SSL {
	return cluster.SSL{Mode: n.SSLMode.String(), Negotiation: c.Server.SSLNegotiation.String(), RootCert: c.Server.CAFile, Cert: c.Server.CertFile, Key: c.Server.KeyFile}
}

func poolTLS(cfg *config.Config, nodes *certs.Nodes) pool.TLS {
	t := pool.TLS{Certs: nodes, Direct: cfg.TLS.Server.SSLNegotiation == config.NegotiationDirect}
	for _, n := range cfg.Nodes {
		t.Modes = append(t.Modes, certs.Mode(n.SSLMode))
	}
	return t
}
