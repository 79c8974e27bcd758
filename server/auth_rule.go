package server

import (
	"fmt"
	"net/netip"
	"os/user"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/hba"
	"github.com/pgherd/pgherd/internal/users"
	"github.com/pgherd/pgherd/internal/wire"
)

// facts are what is known of a client's connection besides the client's words.
type facts struct {
	Encrypted bool
	Local     bool   // over a Unix socket
	CertCN    string // of a certificate that was verified
	CertDN    string // the same, RFC 2253; "" without a certificate
	PeerUID   int    // of a local client (SO_PEERCRED); -1 when unknown
}

// facts asks the connection.
func (l *login) facts() facts {
	f := facts{Encrypted: l.tls != nil, Local: l.conn.Local(), PeerUID: -1}
	if f.Encrypted && l.tls.verified {
		f.CertCN, f.CertDN = l.tls.cn, l.tls.dn
	}
	if uid, err := l.conn.PeerUID(); err == nil {
		f.PeerUID = int(uid)
	}
	return f
}

func (f facts) transport() hba.Transport {
	switch {
	case f.Local:
		return hba.UnixSocket
	case f.Encrypted:
		return hba.TLS
	}
	return hba.Plain
}

// rule is how the client has to prove itself.
func (l *login) rule(facts facts) (hba.Rule, error) {
	c := l.shard.srv.config()
	if c.Auth != config.AuthHBA {
		return ruleOf(c.Auth), nil
	}
	asked := l.asked(facts)
	if r := c.HBA.Match(asked); r != nil {
		return *r, nil
	}
	return hba.Rule{}, refuseEntry("no pg_hba.conf entry for", facts, asked)
}

func ruleOf(t config.AuthType) hba.Rule {
	switch t {
	case config.AuthTrust:
		return hba.Rule{Method: hba.Trust}
	case config.AuthPassword:
		return hba.Rule{Method: hba.Password}
	case config.AuthMD5:
		return hba.Rule{Method: hba.MD5}
	case config.AuthScramSHA256:
		return hba.Rule{Method: hba.SCRAM}
	case config.AuthCert:
		return hba.Rule{Method: hba.Cert, ClientCert: hba.VerifyFull}
	case config.AuthPeer:
		return hba.Rule{Method: hba.Peer}
	}
	return hba.Rule{Method: hba.Reject}
}

// asked is what the HBA file is asked about.
func (l *login) asked(f facts) hba.Facts {
	address, _ := netip.ParseAddrPort(l.conn.PeerAddr()) // none for a Unix socket
	return hba.Facts{Transport: f.transport(), Addr: address.Addr(), User: l.user, Database: l.database,
		Replication: isPhysical(l.startup.Params["replication"])}
}

// isPhysical reports whether the parameter replication asks for physical
// replication. With the value database it asks for logical replication, whose
// clients are matched by their database.
func isPhysical(replication string) bool {
	switch strings.ToLower(replication) {
	case "true", "on", "yes", "1", "t", "y":
		return true
	}
	return false
}

// refuseEntry says in PostgreSQL's words which entry is missing or rejects.
func refuseEntry(what string, f facts, asked hba.Facts) *refusal {
	host, encryption := "[local]", "no encryption"
	if asked.Addr.IsValid() {
		host = asked.Addr.Unmap().String()
	}
	if f.Encrypted {
		encryption = "SSL encryption"
	}
	where := fmt.Sprintf("host %q, user %q, database %q, %s", host, asked.User, asked.Database, encryption)
	if asked.Replication {
		where = fmt.Sprintf("replication connection from host %q, user %q, %s", host, asked.User, encryption)
	}
	return &refusal{wire.Fatalf("28000", "%s %s", what, where), "no line allows it"}
}

func rejected(rule hba.Rule, f facts, asked hba.Facts) error {
	r := refuseEntry("pg_hba.conf rejects connection for", f, asked)
	if rule.File == "" {
		r.told = wire.Fatalf("28000", "pgherd rejects all connections (auth.type: reject)")
	}
	r.why = "rejected"
	return r
}

// checkCertificate demands what the rule wants of the client's certificate.
func checkCertificate(rule hba.Rule, f facts, name string, ident *hba.Maps) error {
	if rule.ClientCert == hba.NoCert {
		return nil
	}
	if f.CertDN == "" {
		return &refusal{wire.Fatalf("28000", "connection requires a valid client certificate"), "no client certificate"}
	}
	owner := f.CertCN
	if rule.ClientName == hba.DistinguishedName {
		owner = f.CertDN
	}
	if rule.ClientCert == hba.VerifyFull && (owner == "" || !ident.Allow(rule.Map, owner, name)) {
		return &refusal{wire.Fatalf("28000", "certificate authentication failed for user %q", name),
			fmt.Sprintf("the certificate is %q's", users.Clip(owner))}
	}
	return nil
}

// checkPeer compares the operating system's user with the client's.
func checkPeer(rule hba.Rule, system, name string, ident *hba.Maps) error {
	if system == "" || !ident.Allow(rule.Map, system, name) {
		return &refusal{wire.Fatalf("28000", "Peer authentication failed for user %q", name),
			fmt.Sprintf("the operating system's user is %q", system)}
	}
	return nil
}

// systemUser is the name of a local client's user, "" when there is none. It
// reads files.
func systemUser(f facts) string {
	if !f.Local {
		return ""
	}
	u, err := user.LookupId(strconv.Itoa(f.PeerUID))
	if err != nil {
		return ""
	}
	return u.Username
}
