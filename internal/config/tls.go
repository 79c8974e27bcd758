package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// TLS says how connections are encrypted (PgBouncer's client_tls_* and
// server_tls_*).
type TLS struct {
	Client TLSSide   `yaml:"client"` // connections of clients to pgherd
	Server TLSServer `yaml:"server"` // connections of pgherd to the nodes
}

// TLSServer is the side of the nodes.
type TLSServer struct {
	TLSSide
	SSLNegotiation SSLNegotiation `yaml:"sslnegotiation"`
}

// TLSSide is one side's settings. The files are in PEM form; their paths are
// absolute or "".
type TLSSide struct {
	SSLMode    SSLMode    `yaml:"sslmode"`
	CertFile   string     `yaml:"cert_file"` // pgherd's own certificate, the intermediate ones behind it
	KeyFile    string     `yaml:"key_file"`
	CAFile     string     `yaml:"ca_file"`  // whose certificates of the other side are believed
	CRLFile    string     `yaml:"crl_file"` // which of those have been revoked
	MinVersion TLSVersion `yaml:"min_version"`
	Ciphers    []string   `yaml:"ciphers"` // of TLS 1.2; none = the secure ones
}

// SSLNegotiation is libpq's: how TLS begins.
type SSLNegotiation int

const (
	NegotiationPostgres SSLNegotiation = iota // with a request (SSLRequest)
	NegotiationDirect                         // at once; PostgreSQL 17 and later
)

func (SSLNegotiation) choices() []string { return []string{"postgres", "direct"} }

// String is the word used in the file.
func (n SSLNegotiation) String() string { return n.choices()[n] }

// SSLMode is libpq's ladder.
type SSLMode int

const (
	SSLDisable    SSLMode = iota // never
	SSLAllow                     // when the other side insists
	SSLPrefer                    // when the other side can
	SSLRequire                   // always, without a look at certificates
	SSLVerifyCA                  // and the certificate is signed by ca_file
	SSLVerifyFull                // and is a node's of that host name
)

func (SSLMode) choices() []string {
	return []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
}

// String is the word used in the file.
func (m SSLMode) String() string { return m.choices()[m] }

// TLSVersion is the oldest version of the protocol that is spoken; the words are
// those of PostgreSQL's ssl_min_protocol_version.
type TLSVersion int

const (
	TLS12 TLSVersion = iota
	TLS13
)

func (TLSVersion) choices() []string { return []string{"TLSv1.2", "TLSv1.3"} }

// String is the word used in the file.
func (v TLSVersion) String() string { return v.choices()[v] }

// FileMode is the permissions of a file, in octal (unix_socket_mode).
type FileMode uint32

// String is the mode as chmod takes it.
func (m FileMode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

func parseFileMode(text string) (FileMode, error) {
	mode, err := strconv.ParseUint(text, 8, 32)
	if err == nil && mode > 0o777 {
		err = strconv.ErrRange
	}
	return FileMode(mode), err
}

func (r resolver) tls(c *Config) {
	for _, side := range []*TLSSide{&c.TLS.Client, &c.TLS.Server.TLSSide} {
		side.CertFile, side.KeyFile, side.CAFile = r.path(side.CertFile), r.path(side.KeyFile), r.path(side.CAFile)
		side.CRLFile = r.path(side.CRLFile)
	}
	for i := range c.Nodes {
		if !r.has(fmt.Sprintf("nodes[%d].sslmode", i)) {
			c.Nodes[i].SSLMode = c.TLS.Server.SSLMode
		}
	}
}

func (v validator) tls(c *Config) {
	client := c.TLS.Client
	if client.SSLMode != SSLDisable {
		v.required("tls.client.cert_file", client.CertFile, "the certificate that clients are shown")
		v.required("tls.client.key_file", client.KeyFile, "the key of tls.client.cert_file")
	}
	v.ca("tls.client", client.SSLMode, client.CAFile)
	v.crl("tls.client", client)
	v.ciphers("tls.client.ciphers", client.Ciphers)
	v.ciphers("tls.server.ciphers", c.TLS.Server.Ciphers)
	v.ca("tls.server", c.TLS.Server.SSLMode, c.TLS.Server.CAFile)
	v.crl("tls.server", c.TLS.Server.TLSSide)
	for i, n := range c.Nodes {
		if c.TLS.Server.CRLFile != "" && n.SSLMode < SSLVerifyCA && !strings.HasPrefix(n.Host, "/") {
			v.failf("tls.server.crl_file", "needs sslmode verify-ca or verify-full, and that of nodes[%d] is %s", i, n.SSLMode)
		}
		if n.SSLMode != c.TLS.Server.SSLMode {
			v.ca(fmt.Sprintf("nodes[%d]", i), n.SSLMode, c.TLS.Server.CAFile)
		}
		if c.TLS.Server.SSLNegotiation == NegotiationDirect && n.SSLMode < SSLRequire && !strings.HasPrefix(n.Host, "/") {
			v.failf("tls.server.sslnegotiation", "direct needs sslmode require or better, and that of nodes[%d] is %s", i, n.SSLMode)
		}
	}
	if server := c.TLS.Server; (server.CertFile == "") != (server.KeyFile == "") {
		v.failf("tls.server", "cert_file and key_file belong together; give both or none")
	}
}

func (v validator) ca(key string, mode SSLMode, file string) {
	if mode >= SSLVerifyCA && file == "" {
		v.failf(key+".sslmode", "%s needs ca_file, the certificates to believe", mode)
	}
}

func (v validator) crl(key string, side TLSSide) {
	if side.CRLFile != "" && side.CAFile == "" {
		v.failf(key+".crl_file", "is of no use without %s.ca_file, whose authorities have signed it", key)
	}
}

// socket checks directory:port, an entry of listen.
func (v validator) socket(key, directory, port string) {
	const longest = 107 // sun_path, with its terminator
	path := filepath.Join(directory, ".s.PGSQL."+port)
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		v.failf(key, "port %q is not between 1 and 65535", port)
	} else if len(path) > longest {
		v.failf(key, "%s is longer than %d bytes; choose a shorter directory", path, longest)
	}
}
