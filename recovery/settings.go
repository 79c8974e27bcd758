package recovery

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pgherd/pgherd/internal/host"
)

// settings are a node's own configuration files by their path relative to the
// data directory. They replace those that came with the copy: memory, ports,
// addresses and access rules belong to the node and not to the primary.
type settings map[string][]byte

// ownSettings reads postgresql.conf, everything else that ends in .conf there
// and in conf.d, and postmaster.opts, which names a configuration file kept
// outside the data directory. It is empty unless the server could be started
// with them.
func ownSettings(m host.Machine, dataDirectory string) settings {
	own := settings{}
	own.read(m, dataDirectory, "")
	own.read(m, dataDirectory, "conf.d")
	if opts, err := m.ReadFile(filepath.Join(dataDirectory, "postmaster.opts")); err == nil {
		own["postmaster.opts"] = opts
	}
	if !own.complete() {
		return settings{}
	}
	return own
}

// read takes the configuration files of one directory. An unreadable file is
// left out: the copy brings the primary's.
func (s settings) read(m host.Machine, dataDirectory, sub string) {
	entries, err := m.ReadDir(filepath.Join(dataDirectory, sub))
	if err != nil {
		return
	}
	for _, e := range entries {
		name := filepath.Join(sub, e.Name())
		// recovery.conf keeps PostgreSQL 12 and newer from starting.
		if !strings.HasSuffix(name, ".conf") || e.IsDir() || name == "recovery.conf" {
			continue
		}
		if data, err := m.ReadFile(filepath.Join(dataDirectory, name)); err == nil {
			s[name] = data
		}
	}
}

func (s settings) complete() bool {
	return len(bytes.TrimSpace(s["postgresql.conf"])) > 0 || bytes.Contains(s["postmaster.opts"], []byte("config_file="))
}

// write puts the files into dir. A node whose postgresql.conf is outside gets
// none in dir: the primary's would win over it.
func (s settings) write(m host.Machine, dir string) error {
	if len(s) > 0 && s["postgresql.conf"] == nil {
		if err := m.RemoveAll(filepath.Join(dir, "postgresql.conf")); err != nil {
			return fmt.Errorf("configuration of the node: %w", err)
		}
	}
	for name, data := range s {
		path := filepath.Join(dir, name)
		if err := m.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("configuration of the node: %w", err)
		}
		if err := m.WriteFile(path, data, 0o600); err != nil {
			return fmt.Errorf("configuration of the node: %w", err)
		}
	}
	return nil
}
