package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

// loadLists reads the revocation lists of a file, one PEM block each.
func loadLists(path string) (lists []*x509.RevocationList, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("crl_file: %w", err)
	}
	for {
		block, rest := pem.Decode(text)
		switch {
		case block == nil && len(lists) == 0:
			return nil, fmt.Errorf("crl_file: there is no revocation list in %s", path)
		case block == nil:
			return lists, nil
		case block.Type == "X509 CRL":
			list, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("crl_file: %s: %w", path, err)
			}
			lists = append(lists, list)
		}
		text = rest
	}
}

// inForce refuses a peer none of whose chains is free of certificates that have
// been revoked. As in PostgreSQL (ssl_crl_file), each authority in a chain must have
// a list, and one that has not expired.
func (m *material) inForce(chains [][]*x509.Certificate, now time.Time) error {
	var err error
	for _, chain := range chains {
		if err = m.chainInForce(chain, now); err == nil {
			return nil
		}
	}
	return err
}

func (m *material) chainInForce(chain []*x509.Certificate, now time.Time) error {
	for i, c := range chain[:len(chain)-1] {
		list := m.listOf(chain[i+1])
		switch {
		case list == nil:
			return fmt.Errorf("crl_file has no list of %s", chain[i+1].Subject)
		case now.After(list.NextUpdate):
			return fmt.Errorf("the list of %s in crl_file expired at %s", chain[i+1].Subject, list.NextUpdate)
		}
		for _, e := range list.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return fmt.Errorf("the certificate of %s has been revoked", c.Subject)
			}
		}
	}
	return nil
}

// listOf is the newest list that an authority has signed; nil for none.
func (m *material) listOf(issuer *x509.Certificate) (newest *x509.RevocationList) {
	for _, list := range m.lists {
		if bytes.Equal(list.RawIssuer, issuer.RawSubject) && list.CheckSignatureFrom(issuer) == nil &&
			(newest == nil || list.ThisUpdate.After(newest.ThisUpdate)) {
			newest = list
		}
	}
	return newest
}
