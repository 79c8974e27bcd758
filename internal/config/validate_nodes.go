package config

import (
	"fmt"
	"net"
	"strings"
)

// MaxNodes is how many there can be (Pgpool-II MAX_NUM_BACKENDS).
const MaxNodes = 128

func (v validator) nodes(nodes []Node) {
	if len(nodes) == 0 && !v.failed("nodes") {
		v.failf("nodes", "missing; list at least one node with its host")
	}
	if len(nodes) > MaxNodes {
		v.failf("nodes", "%d nodes are too many; there can be %d", len(nodes), MaxNodes)
	}
	address, name, directory, flag := v.unique(), v.unique(), v.unique(), v.unique()
	for i, n := range nodes {
		key := fmt.Sprintf("nodes[%d]", i)
		v.node(key, n)
		if n.Host == "" {
			continue
		}
		address(key, strings.ToLower(n.Address()))
		name(key+".application_name", n.ApplicationName)
		if n.Flag == AlwaysPrimary {
			flag(key+".flag", n.Flag.String())
		}
		// Recovery empties data directories: two nodes must not share one.
		switch {
		case n.DataDirectory == "":
		case n.Access == AccessLocal:
			directory(key+".data_directory", n.DataDirectory)
		case n.Access == AccessSQL:
			directory(key+".data_directory", strings.ToLower(n.Host)+":"+n.DataDirectory)
		case n.Access == AccessSSH:
			directory(key+".data_directory", fmt.Sprintf("%s:%d:%s", strings.ToLower(n.SSH.Host), n.SSH.Port, n.DataDirectory))
		}
	}
}

func (v validator) node(key string, n Node) {
	v.host(key+".host", n.Host)
	between(v, key+".port", n.Port, 1, 65535)
	between(v, key+".weight", n.Weight, 0, 1e8)
	v.absolute(key+".data_directory", n.DataDirectory)
	v.tablespaces(key+".tablespace_mapping", n)
	if n.Access != AccessNone && n.DataDirectory == "" && !v.failed(key+".data_directory") {
		v.failf(key+".data_directory", "missing; access: %s needs it", n.Access)
	}
	v.ssh(key+".ssh", n)
	const longest = 63 // PostgreSQL cuts longer application names
	if len(n.ApplicationName) > longest {
		v.failf(key+".application_name", "longer than %d bytes", longest)
	}
}

func (v validator) host(key, host string) {
	v.required(key, host, "the node's host name or address")
	switch {
	case strings.HasPrefix(host, "/"): // a directory, as in libpq
	case strings.HasPrefix(host, "["):
		v.failf(key, "write the IPv6 address without brackets")
	case strings.Contains(host, ":") && net.ParseIP(host) == nil:
		v.failf(key, "want a host name or address, found %q; the port has a key of its own", host)
	}
}
