package config

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// resolver fills in what follows from other keys, the environment and files.
type resolver struct {
	*report
	surroundings
}

func (r resolver) config(c *Config) {
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if n.ApplicationName == "" {
			n.ApplicationName = "node" + strconv.Itoa(i)
		}
		r.ssh(n)
	}
	c.StateDir = r.path(c.StateDir)
	c.Log.File = r.path(c.Log.File)
	c.Auth.UsersFile = r.path(c.Auth.UsersFile)
	c.Auth.HBAFile = r.path(c.Auth.HBAFile)
	c.Auth.IdentFile = r.path(c.Auth.IdentFile)
	c.Monitor.PasswordFile = r.path(c.Monitor.PasswordFile)
	r.tls(c)
	r.password(&c.Monitor)
	c.Recovery.Password = r.expand("recovery.recovery_password", c.Recovery.Password)
	for name, d := range c.Databases {
		d.Password = r.expand("databases."+name+".password", d.Password)
		c.Databases[name] = d
	}
}

// path makes a path absolute; "" stays.
func (r resolver) path(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.folder, path)
}

func (r resolver) password(m *Monitor) {
	switch {
	case r.has("monitor.password") && r.has("monitor.password_file"):
		r.failf("monitor.password_file", "monitor.password is set as well; keep one of them")
	case m.PasswordFile != "":
		m.Password = r.passwordFile(m.PasswordFile)
	default:
		m.Password = r.expand("monitor.password", m.Password)
	}
}

// expand replaces a password of the form ${NAME} by the environment variable.
func (r resolver) expand(key string, password Secret) Secret {
	m := regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`).FindStringSubmatch(password.Reveal())
	if m == nil {
		return password
	}
	text, ok := r.lookupEnv(m[1])
	if !ok {
		r.failf(key, "the environment variable %s is not set", m[1])
	}
	return NewSecret(text)
}

// passwordFile reads a password; the end of its only line is not part of it.
func (r resolver) passwordFile(path string) Secret {
	const key = "monitor.password_file"
	data, err := r.readFile(path)
	if err != nil {
		r.failf(key, "cannot read the password: %v", err)
		return Secret{}
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" || strings.ContainsAny(text, "\r\n") {
		r.failf(key, "%s must hold the password on its only line", path)
	}
	return NewSecret(text)
}
