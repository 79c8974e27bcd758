package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// heal does what an operator does afterwards, and returns when all nodes are in
// service and stream: servers that don't run are started if there is no primary, and
// what is down is recovered.
func (c *chaos) heal() {
	c.Helper()
	c.note("healing")
	for _, n := range c.cluster.Nodes() {
		c.cluster.Thaw(n.ID)
	}
	c.commands.Wait()
	_, _ = c.said("RESUME") // it may not be paused
	began := time.Now()
	for deadline := began.Add(2 * longestCommand); !c.whole(); {
		if time.Now().After(deadline) {
			c.Fatalf("not whole again after %s", time.Since(began).Round(time.Second))
		}
		c.help(time.Since(began))
		time.Sleep(200 * time.Millisecond) // one look after another
	}
	c.note("healed after %s", time.Since(began).Round(time.Millisecond))
	c.Logf("healed after %s", time.Since(began).Round(time.Millisecond))
}

// help mends what does not mend itself within a few seconds.
func (c *chaos) help(since time.Duration) {
	lines := c.nodes()
	primary := slices.ContainsFunc(lines, func(n []string) bool { return n[1] == "up" && n[2] == "primary" })
	switch {
	case since < 3*time.Second:
	case !primary:
		for _, n := range c.cluster.Nodes() {
			c.start(n.ID)
		}
	default:
		for _, n := range lines {
			if n[1] == "down" {
				_, _ = c.said("RECOVER NODE " + n[0]) // looked at in the next round
			}
		}
	}
}

// nodes is number, status, role and replication state of each.
func (c *chaos) nodes() (lines [][]string) {
	out, err := c.said("SELECT node_id, status, role, replication_state FROM pool_nodes ORDER BY 1")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(out) {
		if f := strings.Split(strings.TrimSpace(line), "|"); len(f) == 4 {
			lines = append(lines, f)
		}
	}
	return lines
}

func (c *chaos) whole() bool {
	lines := c.nodes()
	for _, n := range lines {
		if n[1] != "up" || n[2] == "standby" && n[3] != "streaming" {
			return false
		}
	}
	return len(lines) == len(c.cluster.Nodes())
}

// examine looks at everything while the clients hold their breath.
func (c *chaos) examine() {
	c.Helper()
	c.gate.Lock()
	defer c.gate.Unlock()
	primary := c.primary()
	if !c.kind.asynchronous {
		c.allThere(primary)
	}
	for _, n := range c.cluster.Nodes() {
		if n.ID != primary {
			c.cluster.AssertHealthy(primary, n.ID)
		}
	}
	c.tidy(primary)
}

// awaitRounds has every client go on.
func (c *chaos) awaitRounds() {
	c.Helper()
	for _, x := range c.clients {
		before := x.rounds.Load()
		pgtest.Await(c, time.Minute, fmt.Sprintf("client %d", x.id), func() bool { return x.rounds.Load() > before+2 })
	}
}

// allThere compares what was acknowledged with what the primary has.
func (c *chaos) allThere(primary cluster.NodeID) {
	c.Helper()
	conn := c.cluster.Conn(primary)
	rows, err := conn.Query(c.Context(), "SELECT client, n FROM acked")
	c.must(err)
	there := map[chaosRow]bool{}
	var row chaosRow
	_, err = pgx.ForEachRow(rows, []any{&row.client, &row.n}, func() error { there[row] = true; return nil })
	c.must(err)
	for _, x := range c.clients {
		for _, r := range x.rows {
			if c.verified[r] = true; !there[r] {
				c.Errorf("acknowledged row %v is not there", r)
			}
		}
		x.rows = nil
		var n int64
		c.must(conn.QueryRow(c.Context(), "SELECT n FROM counter WHERE id = $1", x.id).Scan(&n))
		if n < x.acked {
			c.Errorf("counter %d is %d, %d was acknowledged", x.id, n, x.acked)
		}
	}
	for r := range c.verified {
		if !there[r] {
			c.Errorf("row %v was there once", r)
		}
	}
}

// tidy looks for what recoveries and failovers may have left.
func (c *chaos) tidy(primary cluster.NodeID) {
	c.Helper()
	if !c.kind.autoRecover { // it keeps the old directories
		c.wantOnly("node0", "node1", "node2")
	}
	for _, name := range []string{"pg_basebackup", "pg_rewind", "pg_ctl"} {
		pgtest.Await(c, 20*time.Second, name+" to end", func() bool { return len(c.programs(name)) == 0 })
	}
	for _, n := range c.cluster.Nodes() {
		c.wantSlots(n.ID, primary)
	}
	for _, question := range []string{"pool_recovery WHERE ended IS NULL", "pool_sessions WHERE state <> 'idle'"} {
		pgtest.Await(c, 20*time.Second, "no rows of "+question, func() bool {
			out, err := c.said("SELECT count(*) FROM " + question)
			return err == nil && strings.TrimSpace(out) == "0"
		})
	}
	c.wantState()
}

// wantState looks whether files gather in state_dir.
func (c *chaos) wantState() {
	c.Helper()
	const most = 5 // the state, its lock, and what the next one is written to
	files, err := os.ReadDir(c.state)
	if c.must(err); len(files) > most {
		c.Errorf("in state_dir: %v", files)
	}
}

// wantSlots awaits that the primary has a slot for each standby, and nobody another one.
func (c *chaos) wantSlots(id, primary cluster.NodeID) {
	c.Helper()
	want := ""
	for _, other := range c.cluster.Nodes() {
		if id == primary && other.ID != primary {
			want += other.SlotName() + " true, "
		}
	}
	conn := c.cluster.Conn(id)
	pgtest.Await(c, 20*time.Second, fmt.Sprintf("node %d to have no slots but %q", id, want), func() bool {
		var slots string
		err := conn.QueryRow(c.Context(), `SELECT coalesce(string_agg(slot_name::text || ' ' || active::text || ', ', '' ORDER BY slot_name), '')
			FROM pg_replication_slots`).Scan(&slots)
		return err == nil && slots == want
	})
}

// nothingLeft looks at pgherd when all clients have gone.
func (c *chaos) nothingLeft() {
	c.Helper()
	fds := filepath.Join("/proc", fmt.Sprint(c.cmd.Process.Pid), "fd")
	const most = 3*2*20 + 40 // servers, and what pgherd itself needs
	pgtest.Await(c, 20*time.Second, "descriptors to be closed", func() bool {
		list, err := os.ReadDir(fds)
		return err == nil && len(list) <= most
	})
	c.signal(syscall.SIGQUIT) // Go's runtime tells of every goroutine
	<-c.ended
	if n := strings.Count(c.log.String(), "\ngoroutine "); n < 5 || n > 100 {
		c.Errorf("%d goroutines are left", n)
	}
	c.launch()
	c.signal(syscall.SIGTERM)
	if code := c.exit(); code != 0 {
		c.Errorf("exit status %d", code)
	}
}
