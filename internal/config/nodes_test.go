package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// withNodes is a configuration with a list of nodes in YAML's short form.
func withNodes(t *testing.T, nodes string) *Config {
	t.Helper()
	return mustParse(t, "nodes: ["+nodes+"]\nmonitor: {user: u}\nauth: {type: trust}\n")
}

// Each change of the list: what is new in it, what RELOAD says of it, and what it advises
// where that waits for a restart.
func TestNodesOfAReload(t *testing.T) {
	const two = "{host: a}, {host: b}"
	for _, c := range []struct {
		nodes  string
		added  int
		notes  []string
		advice string
	}{
		{two, 0, nil, ""},
		{"{host: a, weight: 3}, {host: b}", 0, []string{"nodes.0.weight: 1 -> 3"}, ""},
		{two + ", {host: c}", 1, []string{"nodes.2: added, c:5432"}, ""},
		{"{host: a}, {host: b, weight: 0}, {host: c}, {host: d}", 2,
			[]string{"nodes.1.weight: 1 -> 0", "nodes.2: added, c:5432", "nodes.3: added, d:5432"}, ""},
		{"{host: c}, " + two, 0, []string{"nodes.0.host: a -> c", "nodes.1.host: b -> a",
			"nodes.2: added, b:5432"}, "only added at the end"},
		{"{host: a}, {host: b, sslmode: require}, {host: c}", 0, []string{"nodes.1.sslmode: prefer -> require", "nodes.2: added, c:5432"},
			"only added at the end"},
		{two + ", {host: c, flag: ALWAYS_PRIMARY}", 0, []string{"nodes.2: added, c:5432"}, "not ALWAYS_PRIMARY"},
		{"{host: a}", 0, []string{"nodes.1: removed, b:5432"}, "DETACH NODE 1 keeps"},
		{"{host: b}", 0, []string{"nodes.0.host: a -> b", "nodes.1: removed, b:5432"}, "only added at the end"},
	} {
		running, next := withNodes(t, two), withNodes(t, c.nodes)
		if got := len(AddedNodes(running, next)); got != c.added {
			t.Errorf("%s: %d added, want %d", c.nodes, got, c.added)
		}
		if got := DescribeNodes(running, next); !slices.Equal(got, c.notes) {
			t.Errorf("%s: %q, want %q", c.nodes, got, c.notes)
		}
		if got := SameNodes(running, next) || c.added > 0; got != (c.advice == "") {
			t.Errorf("%s: follows a reload: %v", c.nodes, got)
		}
		if got := AdviseNodes(running, next); !strings.Contains(got, c.advice) {
			t.Errorf("%s: %q", c.nodes, got)
		}
	}
}

func TestTooManyNodes(t *testing.T) {
	var nodes strings.Builder
	for i := range MaxNodes + 1 {
		fmt.Fprintf(&nodes, "{host: h%d},", i)
	}
	_, err := parse("test.yaml", []byte("nodes: ["+nodes.String()+"]\nmonitor: {user: u}\nauth: {type: trust}\n"), etc())
	if err == nil || !strings.Contains(err.Error(), "129 nodes are too many; there can be 128") {
		t.Errorf("got %v", err)
	}
}
