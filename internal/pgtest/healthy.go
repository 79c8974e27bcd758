package pgtest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// AssertHealthy fails the test unless standby streams from primary, its files are
// sound (pg_amcheck) and every table of database bench, catalogs too, has the same
// rows on both. Nobody may write meanwhile.
func (c *TestCluster) AssertHealthy(primary, standby cluster.NodeID) {
	c.t.Helper()
	c.Exec(primary, "CREATE EXTENSION IF NOT EXISTS amcheck")
	// Without a record behind it, the insert position after a switch to a new segment
	// is one that no standby gets to.
	c.Exec(primary, "SELECT pg_logical_emit_message(true, 'pgtest', '')")
	c.awaitSender(primary, standby)
	c.AwaitCaughtUp(primary, standby)
	c.assertSame(primary, standby)
	c.amcheck(standby)
}

func (c *TestCluster) awaitSender(primary, standby cluster.NodeID) {
	c.t.Helper()
	conn := c.Conn(primary)
	Await(c.t, 20*time.Second, fmt.Sprintf("node %d to stream from node %d", standby, primary), func() bool {
		var n int
		err := conn.QueryRow(c.t.Context(), "SELECT count(*) FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'",
			c.nodes[standby].Name).Scan(&n)
		return err == nil && n == 1
	})
}

// sums has a line for each table: its name, how many rows it has, and the sum of
// their hashes. query_to_xml runs a query that is made of the table's name.
const sums = `
SELECT format('%s: %s', c.oid::regclass, (xpath('/row/sum/text()', query_to_xml(format(
         'SELECT count(*) || '' rows, '' || coalesce(sum(hashtextextended(t::text, 0)), 0) AS sum FROM %s t', c.oid::regclass),
         false, true, '')))[1])
  FROM pg_class c
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
 ORDER BY c.oid::regclass::text`

func (c *TestCluster) sums(id cluster.NodeID) []string {
	c.t.Helper()
	conn, err := c.Connect(c.t.Context(), id, superuser.Database)
	if err != nil {
		c.t.Fatalf("node %d: %v", id, err)
	}
	defer conn.Close(c.t.Context())
	rows, err := conn.Query(c.t.Context(), sums)
	if err != nil {
		c.t.Fatalf("node %d: %v", id, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Errorf("node %d: a table cannot be read: %v", id, err)
	}
	return lines
}

// assertSame looks again while they differ: autovacuum writes to the catalogs when it likes.
func (c *TestCluster) assertSame(primary, standby cluster.NodeID) {
	c.t.Helper()
	var want, got []string
	eventually(5*time.Second, func() bool {
		want = c.sums(primary)
		c.AwaitCaughtUp(primary, standby)
		got = c.sums(standby)
		return slices.Equal(want, got)
	})
	for _, line := range got {
		if !slices.Contains(want, line) {
			c.t.Errorf("node %d differs from node %d: %s", standby, primary, line)
		}
	}
	if len(want) != len(got) || len(want) < 60 {
		c.t.Errorf("node %d has %d tables, node %d has %d", standby, len(got), primary, len(want))
	}
}

func (c *TestCluster) amcheck(id cluster.NodeID) {
	c.t.Helper()
	n := c.nodes[id]
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(c.system.bin, "pg_amcheck"),
		"-h", n.Host, "-p", strconv.Itoa(n.Port), "-U", superuser.User, "-d", superuser.Database)
	cmd.Env = append(cmd.Environ(), "PGPASSWORD="+superuser.Password)
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		c.t.Errorf("pg_amcheck of node %d: %v\n%s", id, err, strings.TrimSpace(string(out)))
	}
}
