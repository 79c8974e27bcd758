package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// ciphers are the suites of TLS 1.2 that may be asked for, by their names in the
// registry of IANA and in OpenSSL. Those of TLS 1.3 are not for choosing.
func ciphers() map[string]uint16 {
	all := map[string]uint16{}
	for _, s := range tls.CipherSuites() {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			all[s.Name], all[opensslName(s.Name)] = s.ID, s.ID
		}
	}
	return all
}

// opensslName turns TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 into
// ECDHE-RSA-AES128-GCM-SHA256.
func opensslName(name string) string {
	return strings.NewReplacer("TLS_", "", "_WITH_", "-", "AES_128", "AES128", "AES_256", "AES256",
		"_CBC_SHA", "-SHA", "POLY1305_SHA256", "POLY1305", "_", "-").Replace(name)
}

// CipherSuites are the identifiers of Ciphers, as crypto/tls has them.
func (s TLSSide) CipherSuites() []uint16 {
	known := ciphers()
	list := make([]uint16, len(s.Ciphers))
	for i, name := range s.Ciphers {
		list[i] = known[name]
	}
	return list
}

func (v validator) ciphers(key string, names []string) {
	known := ciphers()
	for _, name := range names {
		if _, ok := known[name]; !ok {
			v.failf(key, "there is no %q; it takes suites of TLS 1.2 one by one, as ECDHE-RSA-AES256-GCM-SHA384 or TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", name)
		}
	}
}
