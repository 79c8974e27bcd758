package hba

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// Load reads a file in pg_hba.conf's format. Mistakes come joined, each an
// *Error.
func Load(path string) (*Rules, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the HBA file: %w", err)
	}
	nets, err := interfaces()
	if err != nil {
		return nil, err
	}
	return (&parser{path, os.ReadFile, nets, hostsOf(nets)}).parse(string(data))
}

// parser is the file that is read, and what it may refer to.
type parser struct {
	file        string
	readFile    func(path string) ([]byte, error)
	nets, hosts []netip.Prefix // of this machine
}

func (p *parser) parse(text string) (*Rules, error) {
	lines, errs := scan(p.file, text)
	rules := &Rules{}
	for _, l := range lines {
		r, err := p.rule(l)
		if err != nil {
			errs = append(errs, &Error{p.file, l.number, err.Error()})
			continue
		}
		rules.list = append(rules.list, *r)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return rules, nil
}

// rule reads type, databases, users, address unless local, method, options.
func (p *parser) rule(l line) (*Rule, error) {
	r := &Rule{File: p.file, Line: l.number, addresses: everywhere}
	rest := l.fields
	kind := rest[0][0].text
	var err error
	if r.transports, err = transports(kind); err != nil {
		return nil, err
	}
	want := 4
	if kind != "local" {
		want = 5
	}
	if len(rest) < want {
		return nil, fmt.Errorf("the line ends too early; want %s", form(kind))
	}
	if r.databases, err = p.databases(rest[1]); err != nil {
		return nil, err
	}
	if r.users, err = p.users(rest[2]); err != nil {
		return nil, err
	}
	rest = rest[3:]
	if kind != "local" {
		used := 0
		if r.addresses, used, err = p.address(rest); err != nil {
			return nil, err
		}
		rest = rest[used:]
	}
	return r, r.finish(kind, rest)
}

func form(kind string) string {
	if kind == "local" {
		return "local DATABASE USER METHOD [OPTIONS]"
	}
	return kind + " DATABASE USER ADDRESS METHOD [OPTIONS]"
}

func transports(kind string) ([]Transport, error) {
	switch kind {
	case "local":
		return []Transport{UnixSocket}, nil
	case "host", "hostnogssenc":
		return []Transport{Plain, TLS}, nil
	case "hostssl":
		return []Transport{TLS}, nil
	case "hostnossl":
		return []Transport{Plain}, nil
	case "hostgssenc":
		return nil, errors.New("hostgssenc is not supported: pgherd does not speak GSSAPI")
	case "include", "include_if_exists", "include_dir":
		return nil, fmt.Errorf("%s is not supported; only lists are read from other files, by @file", kind)
	}
	return nil, fmt.Errorf("unknown connection type %q; want local, host, hostssl, hostnossl or hostnogssenc", kind)
}

// finish reads the method and its options.
func (r *Rule) finish(kind string, rest []field) (err error) {
	if len(rest) == 0 {
		return fmt.Errorf("the line ends before the method; want %s", form(kind))
	}
	if len(rest[0]) != 1 {
		return errors.New("one method is wanted, found a list")
	}
	word := rest[0][0].text
	if word == "ident" && kind == "local" {
		word = "peer" // as PostgreSQL has it
	}
	if r.Method, err = ParseMethod(word); err != nil {
		return err
	}
	switch {
	case r.Method == Peer && kind != "local":
		return errors.New("peer is for local lines only")
	case r.Method == Cert && kind != "hostssl":
		return errors.New("cert is for hostssl lines only")
	case r.Method == Cert:
		r.ClientCert = VerifyFull
	}
	for _, f := range rest[1:] {
		for _, t := range f {
			if err := r.option(kind, t.text); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Rule) option(kind, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("option %q is not of the form name=value", text)
	}
	switch {
	case name == "map" && (r.Method == Peer || r.Method == Cert):
		r.Map = value
		return nil
	case name == "map":
		return errors.New("the option map is for peer and cert only")
	case name == "clientcert" || name == "clientname":
		if kind != "hostssl" {
			return fmt.Errorf("the option %s is for hostssl lines only", name)
		}
		return r.certificate(name, value)
	}
	return fmt.Errorf("unknown option %q; want map, clientcert or clientname", name)
}

func (r *Rule) certificate(name, value string) error {
	switch name + "=" + value {
	case "clientcert=verify-full":
		r.ClientCert = VerifyFull
	case "clientcert=verify-ca":
		if r.Method == Cert {
			return errors.New("cert always checks the name: clientcert can only be verify-full")
		}
		r.ClientCert = VerifyCA
	case "clientname=CN":
		r.ClientName = CommonName
	case "clientname=DN":
		r.ClientName = DistinguishedName
	default:
		return fmt.Errorf("%s=%s is not known; want clientcert=verify-ca or verify-full, clientname=CN or DN", name, value)
	}
	return nil
}
