package config

import (
	"slices"
	"testing"
)

// Ensure that what needs a restart stays as it was when pgherd started, and is told
// apart from what is in force at once.
func TestInForce(t *testing.T) {
	started := mustParse(t, "nodes: [{host: a, port: 5432}, {host: b, port: 5432}]\nmonitor: {user: u}\nstate_dir: /s\nauth: {type: trust}\n")
	file := *started
	file.Nodes = slices.Clone(started.Nodes)
	file.Loops, file.Pool.Size, file.Monitor.User = 7, 99, "other"
	file.Nodes[1].Port = 5433
	now := file.InForce(started)
	if now.Loops != started.Loops || now.Monitor.User != started.Monitor.User || now.Nodes[1].Port != 5432 || now.Pool.Size != 99 {
		t.Errorf("in force: loops %d, monitor.user %q, nodes %v, pool.size %d", now.Loops, now.Monitor.User, now.Nodes, now.Pool.Size)
	}
	if file.Loops != 7 || file.Nodes[1].Port != 5433 {
		t.Error("what was read has been changed")
	}
	got := now.PendingRestart(&file)
	slices.Sort(got)
	if want := []string{"loops", "monitor.user", "nodes.1.port"}; !slices.Equal(got, want) {
		t.Errorf("waiting for a restart: %v, want %v", got, want)
	}
	if rest := now.PendingRestart(now); len(rest) > 0 {
		t.Errorf("still waiting: %v", rest)
	}
}
