package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// SSH is how a node's machine is reached, by the names of ssh_config.
type SSH struct {
	User           string        `yaml:"user"` // the owner of the data directory
	Host           string        `yaml:"host"` // after Load the node's where it has none
	Port           int           `yaml:"port"`
	IdentityFile   string        `yaml:"identity_file"`    // absolute, or "" for ssh's own search
	KnownHostsFile string        `yaml:"known_hosts_file"` // absolute, or "" for ssh's own files
	ConnectTimeout time.Duration `yaml:"connect_timeout"`  // > 0
	Options        []string      `yaml:"options"`          // of ssh -o: "ProxyJump=bastion"
}

func defaultSSH() SSH {
	return SSH{User: "postgres", Port: 22, ConnectTimeout: 3 * time.Second, Options: []string{}}
}

// ssh completes the sections of nodes that have access by it.
func (r resolver) ssh(n *Node) {
	n.SSH.IdentityFile, n.SSH.KnownHostsFile = r.path(n.SSH.IdentityFile), r.path(n.SSH.KnownHostsFile)
	if n.Access == AccessSSH && n.SSH.Host == "" && !strings.HasPrefix(n.Host, "/") {
		n.SSH.Host = n.Host
	}
}

var sshOption = regexp.MustCompile(`^([A-Za-z]+)(=|\s)[^\n]*\S$`)

func (v validator) ssh(key string, n Node) {
	s := n.SSH
	if n.Access != AccessSSH {
		return
	}
	v.notEmpty(key+".user", s.User)
	if s.Host == "" {
		v.failf(key+".host", "missing; give the name or address of the node's machine")
	}
	v.word(key+".user", s.User)
	v.word(key+".host", s.Host)
	between(v, key+".port", s.Port, 1, 65535)
	atLeast(v, key+".connect_timeout", s.ConnectTimeout, time.Second)
	for i, o := range s.Options {
		v.sshOption(fmt.Sprintf("%s.options[%d]", key, i), o)
	}
}

// word: ssh takes no other names, and would take a leading - for an option.
func (v validator) word(key, name string) {
	if strings.HasPrefix(name, "-") || strings.ContainsAny(name, " \t\n'\"`$;&<>|()\\") {
		v.failf(key, "%q is no name that ssh takes", name)
	}
}

func (v validator) sshOption(key, text string) {
	m := sshOption.FindStringSubmatch(text)
	if m == nil {
		v.failf(key, "want Name=value as in ssh_config, found %q", text)
		return
	}
	switch strings.ToLower(m[1]) {
	case "controlmaster", "controlpath", "controlpersist", "remotecommand", "requesttty", "stdinnull",
		"forkafterauthentication", "sessiontype", "batchmode":
		v.failf(key, "%s is pgherd's own business", m[1])
	}
}
