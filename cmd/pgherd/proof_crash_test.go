package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// slow makes a copy last longer than any test.
const slow = "recovery: {max_rate: 32kB}\n"

// Ensure that RECOVER, told again, brings the node back after kill -9 of what was at
// work: of pgherd, of PostgreSQL's program or of the primary, in a base backup or in a
// rewind.
func TestRecoveryKilled(t *testing.T) {
	p := newProcess(t, 1, slow, pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "512MB"))
	p.launch()
	p.cluster.Exec(0, "CREATE TABLE big AS SELECT g, repeat('x', 1000) AS x FROM generate_series(1, 20000) g")
	p.awaitNode("role = 'standby' AND status = 'up'")
	p.cluster.Stop(1)
	p.awaitNode("status = 'down'")
	p.killInBackup()
	for _, c := range []struct {
		name, want string
		kill       func()
	}{
		{"pg_rewind", "has to be rebuilt", func() { p.killProgram("pg_rewind") }},
		{"primary", "run RECOVER NODE 1 again", func() { p.cluster.Kill(0) }},
		{"pgherd", "", p.kill},
	} {
		if said := p.killInRewind("without_"+c.name, c.kill); !strings.Contains(said, c.want) {
			t.Errorf("without %s:\n%s", c.name, said)
		}
		switch c.name {
		case "primary":
			p.cluster.Start(0)
		case "pgherd":
			p.launch()
		}
		p.returns("a rewind of it was interrupted")
		p.cluster.Exec(0, "DROP TABLE without_"+c.name) // the next copy need not be larger
	}
}

// killInBackup kills pg_basebackup, then pgherd.
func (p *served) killInBackup() {
	p.Helper()
	said := p.rebuildSlowly()
	p.killProgram("pg_basebackup")
	if out := <-said; !strings.Contains(out, "failed in step base_backup") || !strings.Contains(out, "its data directory is as it was") {
		p.Errorf("without pg_basebackup:\n%s", out)
	}
	p.wantOnly("node0", "node1")
	said = p.rebuildSlowly()
	p.kill()
	<-said
	p.change(slow, "")
	p.launch()
	p.returns("removed leftovers of an unfinished recovery") // the old directory is as it was
}

// rebuildSlowly returns when the copy is under way.
func (p *served) rebuildSlowly() <-chan string {
	p.Helper()
	said := p.recoverAside("RECOVER NODE 1 REBUILD")
	p.awaitRow("the copy", "FROM pool_recovery WHERE step = 'base_backup' AND bytes > 0 AND ended IS NULL")
	return said
}

// killInRewind has the nodes part by a table and kills somebody while pg_rewind copies
// it. What the console said is returned.
func (p *served) killInRewind(table string, kill func()) string {
	p.Helper()
	p.diverge(table)
	said := p.recoverAside("RECOVER NODE 1 REWIND")
	p.awaitRewinding(table)
	kill()
	return <-said
}

// awaitRow asks the console until one row answers.
func (p *served) awaitRow(what, from string) {
	p.Helper()
	pgtest.Await(p, 20*time.Second, what, func() bool {
		out, err := p.psql("pgpool", "SELECT count(*) "+from)
		return err == nil && strings.TrimSpace(out) == "1"
	})
}

func (p *served) awaitNode(condition string) {
	p.Helper()
	p.awaitRow("node 1 to have "+condition, "FROM pool_nodes WHERE node_id = 1 AND "+condition)
}

// recoverAside runs a command; what was printed comes when it has ended.
func (p *served) recoverAside(command string) <-chan string {
	said := make(chan string, 1)
	go func() {
		out, _ := p.psql("pgpool", command) // its error is in what it prints
		said <- out
	}()
	return said
}

// returns has node 1 recovered, by what it says, and asserts that nothing of what came
// before is left.
func (p *served) returns(want string) {
	p.Helper()
	p.awaitRow("pgherd to see the primary", "FROM pool_nodes WHERE role = 'primary' AND status = 'up'")
	if out := p.mustPSQL("pgpool", "RECOVER NODE 1"); !strings.Contains(out, want) {
		p.Errorf("it does not say %q:\n%s", want, out)
	}
	p.cluster.AssertHealthy(0, 1)
	p.awaitNode("status = 'up' AND replication_state = 'streaming'")
	p.wantOnly("node0", "node1")
}

// wantOnly asserts which files there are beside the data directories, without logs.
func (p *served) wantOnly(want ...string) {
	p.Helper()
	names, err := filepath.Glob(filepath.Join(p.cluster.Dir(), "*"))
	p.must(err)
	var got []string
	for _, name := range names {
		if filepath.Ext(name) != ".log" {
			got = append(got, filepath.Base(name))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.Errorf("there are %v, want %v", got, want)
	}
}

// kill is kill -9 of pgherd.
func (p *served) kill() {
	p.Helper()
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// killProgram is kill -9 of a program that works for pgherd, and of its children.
func (p *served) killProgram(name string) {
	p.Helper()
	var killed int
	for _, pid := range p.programs(name) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed == 0 {
		p.Fatalf("%s does not run", name)
	}
}

// programs lists the processes of a program that have the cluster's directory among
// their arguments.
func (p *served) programs(name string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	for _, file := range files {
		text, err := os.ReadFile(file)
		args := strings.Split(string(text), "\x00")
		if err != nil || filepath.Base(args[0]) != name || !strings.Contains(string(text), p.cluster.Dir()) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// diverge promotes node 1 behind pgherd's back; the primary gets a large table.
func (p *served) diverge(table string) {
	p.Helper()
	p.cluster.AwaitCaughtUp(0, 1)
	p.cluster.Exec(1, "SELECT pg_promote()")
	p.cluster.Exec(1, "UPDATE big SET g = -g")
	p.cluster.Exec(0, "CREATE TABLE "+table+" AS SELECT g, repeat('x', 1000) AS x FROM generate_series(1, 60000) g")
	p.awaitNode("status = 'down'") // two primaries are one too many
}

// awaitRewinding returns when pg_rewind is copying the table.
func (p *served) awaitRewinding(table string) {
	p.Helper()
	var path string
	p.must(p.cluster.Conn(0).QueryRow(p.Context(), "SELECT pg_relation_filepath($1::text::regclass)", table).Scan(&path))
	copied := filepath.Join(p.cluster.Node(cluster.NodeID(1)).DataDirectory, path)
	pgtest.Await(p, 20*time.Second, "the rewind", func() bool {
		file, err := os.Stat(copied)
		return err == nil && file.Size() > 0
	})
}
