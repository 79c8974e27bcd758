package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/host"
)

func TestLastPrimary(t *testing.T) {
	const none = cluster.NoNode
	for _, c := range []struct {
		name   string
		forms  []diskForm
		record cluster.Record
		want   cluster.NodeID
	}{
		{"never served", []diskForm{asPrimary, asStandby}, cluster.Record{Primary: none}, 0},
		{"after a switchover", []diskForm{asStandby, asPrimary}, cluster.Record{Epoch: 2, Primary: 1}, 1},
		{"after a failover", []diskForm{asPrimary, asPrimary}, cluster.Record{Epoch: 2, Primary: 1}, 1},
		{"promotion did not happen", []diskForm{asPrimary, asStandby}, cluster.Record{Epoch: 2, Primary: 1}, none},
		{"two claims and no record", []diskForm{asPrimary, asPrimary}, cluster.Record{Primary: none}, none},
		{"primary without data", []diskForm{noData, asStandby}, cluster.Record{Epoch: 1, Primary: 0}, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			var nodes []demoNode
			for id, form := range c.forms {
				nodes = append(nodes, demoNode{host.Open(nil, cluster.Node{ID: cluster.NodeID(id)}, ""), form})
			}
			if got := lastPrimary(nodes, c.record); got != c.want {
				t.Errorf("lastPrimary() = %d, want %d", got, c.want)
			}
		})
	}
}

func TestDemoConfigLoads(t *testing.T) {
	dir := t.TempDir()
	roles := demoRoles(`o'neil "x"`, "alice")
	nodes := []cluster.Node{
		{Name: "node0", Host: "127.0.0.1", Port: 15432, DataDirectory: "/tmp/a: b/#n0"},
		{Name: "node1", Host: "127.0.0.1", Port: 15433, DataDirectory: "/tmp/a: b/#n1"},
	}
	text, err := demoConfig(9999, nodes, roles)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"pgherd.yaml": text, "users.txt": usersText(roles)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "pgherd.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(cfg.Console.AdminUsers, roles) || cfg.Nodes[1].DataDirectory != nodes[1].DataDirectory {
		t.Errorf("loaded %v and %q", cfg.Console.AdminUsers, cfg.Nodes[1].DataDirectory)
	}
	users, err := config.LoadUsers(cfg.Auth.UsersFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		if secret := users[role]; secret.Reveal() != role {
			t.Errorf("the secret of %q is %q", role, secret.Reveal())
		}
	}
}

func TestDemoRoles(t *testing.T) {
	if got := demoRoles("root", ""); !slices.Equal(got, []string{"demo", "postgres", "bench", "root"}) {
		t.Errorf("demoRoles(root) = %q", got)
	}
	if got := demoRoles("postgres", "pg_monitor"); !slices.Equal(got, []string{"demo", "postgres", "bench"}) {
		t.Errorf("names twice or reserved: %q", got)
	}
}

func TestParseDemo(t *testing.T) {
	for args, want := range map[string]string{
		"--detach --stop": "exclude each other",
		"--nodes 0":       "--nodes 0 is not between",
		"--nodes 11":      "--nodes 11 is not between",
		"--port 65536":    "--port 65536 is not between",
		"--dir=":          "--dir is empty",
	} {
		if _, err := parseDemo(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseDemo(%s) = %v, want %q", args, err, want)
		}
	}
	f, err := parseDemo([]string{"--stop", "--dir", "d"})
	if err != nil || f.action != demoStop || f.given["port"] || !f.given["dir"] {
		t.Errorf("parseDemo(--stop --dir d) = %+v, %v", f, err)
	}
}

func TestDemoRefusesForeignDirectories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkOwner(file); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("checkOwner(a file) = %v", err)
	}
	d, err := openDemo(filepath.Dir(file), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.claim(t.Context()); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("claim() of somebody's files = %v", err)
	}
	if err := d.stop(t.Context()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no demo in") {
		t.Errorf("stop() without a demo = %v", err)
	}
}

// A pid file of an earlier process with the same number must not get another
// program killed.
func TestPidFileNamesOneProcess(t *testing.T) {
	m, err := host.LocalUser(serversUser)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pid")
	if err := writePidFile(m, path, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	p, running := readPidFile(path)
	if !running || p.pid != os.Getpid() {
		t.Errorf("readPidFile() = %+v, %v", p, running)
	}
	p.start += "1"
	if p.alive() {
		t.Error("a process that started at another time counts as the same")
	}
	if err := os.WriteFile(path, []byte("0\n0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, running := readPidFile(path); running {
		t.Error("process 0 runs")
	}
}
