package config

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The reference says what keys are called in Pgpool-II and PgBouncer. Who writes
// those names is told ours.
func TestTheirNames(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\|.*\\|([^|]*)\\|$").FindAllStringSubmatch(readText(t, docsPath), -1)
	ours, asked := allKeys(), 0
	for _, row := range rows {
		key := row[1]
		for _, name := range theirNames(row[2]) {
			if strings.HasSuffix(key, "."+name) || slices.Contains(ours, name) || name == "port" || key == "routing.primary_reads" {
				continue // found by its last part, the same, or more than one thing
			}
			asked++
			if got, _ := theirs("", name, nil); got != key {
				t.Errorf("%s: got %q, want %q", name, got, key)
			}
		}
	}
	if asked < 50 {
		t.Errorf("only %d names were found in %s", asked, docsPath)
	}
}

// theirNames are the parameters in the column "Same in".
func theirNames(cell string) []string {
	var names []string
	product := ""
	for _, m := range regexp.MustCompile("Pgpool-II|PgBouncer|libpq|PostgreSQL|`([a-z_]+)`").FindAllStringSubmatch(cell, -1) {
		switch {
		case m[1] == "":
			product = m[0]
		case product == "Pgpool-II", product == "PgBouncer":
			names = append(names, m[1])
		}
	}
	return names
}

func TestTheirNamesInSections(t *testing.T) {
	for key, want := range map[string]string{
		"databases.app.pool_size": `here it is "databases.app.size"`, "pool.pool_mode": `here it is "pool.mode"`,
		"nodes[0].backend_hostname0": `here it is "nodes[0].host"`, "backend_hostname12": `here it is "nodes[].host"`,
		"tcp_keepidle": `here it is "tcp.keepidle"`, "pool.sizes": `did you mean "pool.size"?`,
	} {
		section, name := "", key
		if i := strings.LastIndex(key, "."); i >= 0 {
			section, name = key[:i], key[i+1:]
		}
		known := map[string][]string{"nodes[0]": {"host", "port"}, "pool": {"mode", "size"}, "databases.app": {"size", "dbname"}}[section]
		if got := unknownKey(section, name, known); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", key, got)
		}
	}
}
