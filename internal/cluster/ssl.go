package cluster

import (
	"path/filepath"
	"strconv"
	"strings"
)

// SSL is how pgherd itself encrypts its connections to a node: libpq's sslmode,
// sslnegotiation, and sslrootcert, sslcert and sslkey, paths on pgherd's machine. The
// zero value leaves it to the client library.
type SSL struct{ Mode, Negotiation, RootCert, Cert, Key string }

// OwnConninfo is Conninfo for connections that pgherd makes.
func (n Node) OwnConninfo(c Credentials) Conninfo {
	info := n.Conninfo(c).With("sslmode", n.SSL.Mode)
	if n.SSL.Negotiation == "direct" && !n.Local() {
		info = info.With("sslnegotiation", n.SSL.Negotiation)
	}
	if strings.HasPrefix(n.SSL.Mode, "verify-") { // with require, libpq takes it for verify-ca
		info = info.With("sslrootcert", n.SSL.RootCert)
	}
	return info.With("sslcert", n.SSL.Cert).With("sslkey", n.SSL.Key)
}

// Local reports whether the node is reached by a Unix-domain socket: its host is
// the directory, as in libpq.
func (n Node) Local() bool { return strings.HasPrefix(n.Host, "/") }

// Dial is where net.Dial finds the node.
func (n Node) Dial() (network, address string) {
	if n.Local() {
		return "unix", filepath.Join(n.Host, ".s.PGSQL."+strconv.Itoa(n.Port))
	}
	return "tcp", n.Address()
}
