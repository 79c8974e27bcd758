package hba

import (
	"fmt"
	"slices"
	"strings"
)

// Method is how a client proves who it is (the last column but the options).
type Method int

const (
	Reject Method = iota
	Trust
	Password // in clear
	MD5      // or SCRAM, where the secret allows no other
	SCRAM
	Cert
	Peer
)

func methods() []string {
	return []string{"reject", "trust", "password", "md5", "scram-sha-256", "cert", "peer"}
}

// String is the word used in the file.
func (m Method) String() string { return methods()[m] }

// ParseMethod reads a method's word.
func ParseMethod(word string) (Method, error) {
	if i := slices.Index(methods(), word); i >= 0 {
		return Method(i), nil
	}
	switch word {
	case "ident", "gss", "sspi", "ldap", "radius", "pam", "bsd", "oauth":
		return 0, fmt.Errorf("method %q is not supported; use one of %s", word, strings.Join(methods(), ", "))
	}
	return 0, fmt.Errorf("unknown method %q; want one of %s", word, strings.Join(methods(), ", "))
}

// ClientCert is what a line demands of a client's certificate, whatever the
// method.
type ClientCert int

const (
	NoCert     ClientCert = iota
	VerifyCA              // a valid one
	VerifyFull            // one whose name is the user's, or mapped to it
)

// ClientName is which name of a certificate counts.
type ClientName int

const (
	CommonName ClientName = iota
	DistinguishedName
)
