package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// growing is a rig whose configuration file has the first of its cluster's nodes at first.
type growing struct {
	*rig
	whole string // the file with all nodes
	nodes []string
}

func startGrowing(t *testing.T, standbys int) *growing {
	t.Helper()
	pgtest.Leaks(t)
	g := &growing{rig: &rig{T: t, cluster: pgtest.Cluster(t, standbys), log: &logTail{}}}
	g.file = g.writeConfig("")
	text, err := os.ReadFile(g.file)
	if err != nil {
		t.Fatal(err)
	}
	g.whole = string(text)
	for line := range strings.Lines(g.whole) {
		if strings.HasPrefix(line, "  - {host: ") {
			g.nodes = append(g.nodes, line)
		}
	}
	g.has(1)
	g.serve(g.file)
	g.app.reloads.mu.Lock()
	g.app.reloads.file = g.file
	g.app.reloads.mu.Unlock()
	g.awaitPrimary(cluster.NoNode)
	return g
}

// has writes the file with so many nodes.
func (g *growing) has(nodes int) {
	g.Helper()
	g.write(g.file, strings.ReplaceAll(g.whole, strings.Join(g.nodes, ""), strings.Join(g.nodes[:nodes], "")))
}

// reloads tries again while it is refused: on a busy machine a node may be late to answer.
func (g *growing) reloads(want ...string) {
	g.Helper()
	var out string
	pgtest.Await(g, 20*time.Second, "a reload", func() bool {
		var err error
		out, err = g.psql("pgpool", "RELOAD")
		return err == nil
	})
	for _, part := range want {
		if !strings.Contains(out, part) {
			g.Errorf("RELOAD says\n%s\nwithout %q", out, part)
		}
	}
}

func (g *growing) awaitUp(id cluster.NodeID) {
	g.Helper()
	pgtest.Await(g, 20*time.Second, fmt.Sprintf("node %d to be up", id), func() bool { return g.node(id)[3] == "up" })
}

// TestAddNodes grows a cluster under clients that stay: by a standby that streams already,
// and by a machine whose data directory is empty. Both are nodes like the first, to the end
// that the last can lead.
func TestAddNodes(t *testing.T) {
	g := startGrowing(t, 2)
	client, writer := g.client(), g.client()
	tx, err := writer.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock(1)"); err != nil { // on the primary; no log that standbys lack
		t.Fatal(err)
	}
	if _, err := client.Exec(t.Context(), "SET pgherd.route = 'node=1'"); err == nil {
		t.Error("a node that is not there may be asked for")
	}

	g.has(2)
	g.reloads(fmt.Sprintf("nodes.1: added, %s", g.cluster.Node(1).Address()))
	g.awaitUp(1)
	g.readsAt(client, 1)

	g.cluster.Stop(2)
	if err := os.RemoveAll(g.cluster.Node(2).DataDirectory); err != nil {
		t.Fatal(err)
	}
	g.has(3)
	g.reloads("nodes.2: added")
	if got := g.node(2)[3]; got != "down" {
		t.Errorf("the empty node is %s", got)
	}
	if got := g.mustPSQL("pgpool", "SELECT count(*) FROM pool_settings WHERE pending_restart"); got != "0\n" {
		t.Errorf("%s keys wait for a restart", got)
	}
	g.mustPSQL("pgpool", "RECOVER NODE 2")
	g.awaitUp(2)
	g.readsAt(client, 2)
	_, err = tx.Exec(t.Context(), "CREATE TABLE t (a int)")
	if err := errors.Join(err, tx.Commit(t.Context())); err != nil {
		t.Errorf("the transaction that was open all the time: %v", err)
	}

	g.awaitStreaming()
	g.mustPSQL("pgpool", "PROMOTE NODE 2")
	if _, err := writer.Exec(t.Context(), "INSERT INTO t VALUES (2)"); err != nil {
		t.Error(err)
	}
	g.awaitStreaming()
	g.cluster.AssertHealthy(2, 0)
	g.cluster.AssertHealthy(2, 1)
}

// TestAddedNodeIsBehind: what a session wrote while there was one node only, it reads when a
// standby has been added that lacks it; and with global consistency, so does everybody.
func TestAddedNodeIsBehind(t *testing.T) {
	g := startGrowing(t, 1)
	writer, other := g.client(), g.client()
	if _, err := other.Exec(t.Context(), "SET pgherd.consistency = 'global'"); err != nil {
		t.Fatal(err)
	}
	standby := g.cluster.Conn(1)
	if _, err := standby.Exec(t.Context(), "SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Exec(t.Context(), "CREATE TABLE behind (a int)"); err != nil {
		t.Fatal(err)
	}
	g.has(2)
	g.reloads("nodes.1: added")
	g.awaitUp(1)
	pgtest.Await(g, 10*time.Second, "a read of somebody who has seen nothing yet at node 1", func() bool {
		fresh := g.client()
		defer fresh.Close(t.Context())
		return g.readAt(fresh, 1)
	})
	for _, client := range []*pgx.Conn{writer, other} {
		var rows int
		if err := client.QueryRow(t.Context(), "SELECT count(*) FROM behind").Scan(&rows); err != nil {
			t.Error(err)
		}
	}
	if _, err := standby.Exec(t.Context(), "SELECT pg_wal_replay_resume()"); err != nil {
		t.Fatal(err)
	}
	g.readsAt(writer, 1)
}

// readsAt has a session read on a node: it is not made anew for that.
func (g *growing) readsAt(client *pgx.Conn, id cluster.NodeID) {
	g.Helper()
	pgtest.Await(g, 10*time.Second, fmt.Sprintf("a read at node %d", id), func() bool { return g.readAt(client, id) })
}

// readAt reports whether a read that asks for a node is carried out there.
func (g *growing) readAt(client *pgx.Conn, id cluster.NodeID) bool {
	g.Helper()
	if _, err := client.Exec(g.Context(), fmt.Sprintf("SET pgherd.route = 'node=%d'", id)); err != nil {
		g.Fatal(err)
	}
	var port int
	err := client.QueryRow(g.Context(), "SELECT current_setting('port')::int").Scan(&port)
	return err == nil && port == g.cluster.Node(id).Port
}

// TestRemoveNode: a node that has been taken out of the file, or changed, stays until the
// next start, and RELOAD says what can be done.
func TestRemoveNode(t *testing.T) {
	g := startGrowing(t, 1)
	g.has(2)
	g.reloads("nodes.1: added")
	g.awaitUp(1)
	g.has(1)
	g.reloads("nodes.1: removed", "after a restart only: nodes", "DETACH NODE 1 keeps")
	g.mustPSQL("pgpool", "DETACH NODE 1")
	if got := g.node(1)[3]; got != "down" {
		t.Errorf("the node is %s", got)
	}
	g.write(g.file, strings.Replace(g.whole, "weight: 2", "weight: 3, flag: DISALLOW_TO_FAILOVER", 1))
	g.reloads("nodes.1.flag: ALLOW_TO_FAILOVER -> DISALLOW_TO_FAILOVER", "after a restart only: nodes", "nothing that was changed in the list is in force")
	g.has(2)
	g.reloads()
	g.mustPSQL("pgpool", "ATTACH NODE 1")
	g.awaitUp(1)
}
